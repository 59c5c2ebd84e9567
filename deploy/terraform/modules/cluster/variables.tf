variable "name" { type = string }
variable "kubernetes_version" { type = string }
variable "private_subnets" { type = map(string) }
variable "api_cidrs" { type = list(string) }
variable "key_arn" { type = string }
variable "log_retention_days" { type = number }

variable "node_groups" {
  type = map(object({
    instance_types = list(string)
    min_per_zone   = number
    max_per_zone   = number
    disk_gib       = number
    labels         = map(string)
    # Only pods that ask for these nodes are placed on them.
    is_reserved = bool
    # Kubelet and containers lie on the instance's own disks.
    local_nvme = bool
  }))
}
