# Where.

variable "name" {
  description = "Name of the cluster; buckets, roles, keys and repositories begin with it."
  type        = string
  default     = "shrike"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "3 to 20 lower-case letters, digits and hyphens: bucket names are made of it."
  }
}

variable "region" {
  description = "AWS region of everything."
  type        = string
  default     = "us-east-1"
}

variable "zones" {
  description = "Letters of three availability zones. They are named, not looked up: subnets and volumes must stay where they are when AWS opens another zone. Some regions lack a letter, as ca-central-1 (a, b, d)."
  type        = list(string)
  default     = ["a", "b", "c"]

  validation {
    condition     = length(distinct(var.zones)) == 3 && alltrue([for zone in var.zones : can(regex("^[a-z]$", zone))])
    error_message = "Three letters, each once."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC. A /16 gives each zone 8,192 addresses for nodes and pods."
  type        = string
  default     = "10.64.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 4, 15)) && tonumber(split("/", var.vpc_cidr)[1]) <= 20
    error_message = "A network of /20 or larger, as 10.64.0.0/16."
  }
}

variable "nat" {
  description = "Way out of the private subnets. one: a gateway in the first zone; per-zone: three, for a zone that is lost; none: only AWS by its endpoints, and every image has to be in ECR."
  type        = string
  default     = "one"

  validation {
    condition     = contains(["none", "one", "per-zone"], var.nat)
    error_message = "none, one or per-zone."
  }
}

variable "interface_endpoints" {
  description = "AWS services that are reached inside the VPC and not by way of the NAT gateway; each costs the same in every zone. S3 has a gateway endpoint, which is free, always."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "sts"]
}

# Who may reach the Kubernetes API.

variable "api_cidrs" {
  description = "Networks that may reach the Kubernetes API from outside of the VPC, as 203.0.113.7/32. Empty: none may."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.api_cidrs, "0.0.0.0/0")
    error_message = "The Kubernetes API is not for everybody: name your own networks."
  }
}

variable "admin_principal_arns" {
  description = "More IAM roles or users that administer the cluster. Whoever creates it does already, and must not be named again."
  type        = set(string)
  default     = []
}

# Nodes. One group in each zone: a state volume exists in one zone only, and a group over all zones
# may start the next node in another one.

variable "kubernetes_version" {
  description = "Version of EKS. The chart is checked against an API server of 1.34."
  type        = string
  default     = "1.34"
}

variable "general_nodes" {
  description = "Nodes of everything: brokers, system pods, engines whose state is on gp3 volumes. Counts are for each zone."
  type = object({
    instance_types = optional(list(string), ["m7i.xlarge"])
    min_per_zone   = optional(number, 1)
    max_per_zone   = optional(number, 3)
    disk_gib       = optional(number, 50)
  })
  default = {}
}

variable "local_nvme_nodes" {
  description = "Nodes with disks of their own, for engines whose state is larger than gp3 serves well. Kubelet and containers lie on these disks, so an emptyDir does, too. null: none."
  type = object({
    instance_types = optional(list(string), ["m6id.xlarge"])
    min_per_zone   = optional(number, 1)
    max_per_zone   = optional(number, 3)
    disk_gib       = optional(number, 20)
  })
  default  = null
  nullable = true
}

# What Shrike is called here. The rights of its roles are made of these names.

variable "namespace" {
  description = "Kubernetes namespace of the chart."
  type        = string
  default     = "shrike"
}

variable "service_account" {
  description = "Service account of the chart: the name of the release, unless serviceAccount.name says otherwise."
  type        = string
  default     = "shrike"
}

variable "application" {
  description = "`application` of Shrike's configuration: the folder of its checkpoints."
  type        = string
  default     = "shrike"
}

variable "checkpoint_prefix" {
  description = "`s3.prefix`: put before every key of the bucket, as team-a/."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([a-zA-Z0-9._=-]+/)*$", var.checkpoint_prefix))
    error_message = "Empty, or names that each end with a slash."
  }
}

# How long.

variable "noncurrent_days" {
  description = "Days that deleted or replaced objects can still be brought back. They are paid for: a base rewrites all of the state (docs/costs.md)."
  type        = number
  default     = 2
}

variable "log_retention_days" {
  description = "Days of the Kubernetes API's audit log and of the network's log of refused connections."
  type        = number
  default     = 365
}

variable "buckets_deletable" {
  description = "terraform destroy may delete buckets and repositories that are not empty. Only for a trial, or just before the end."
  type        = bool
  default     = false
}

# What else.

variable "lake" {
  description = "A second bucket, for what Kafka Connect's S3 sink or exports of features write, with a role for its writer, by default Kafka Connect of deploy/strimzi, and one for `shrike lake compact`, which runs in Shrike's namespace. null: none."
  type = object({
    namespace                  = optional(string, "shrike")
    service_account            = optional(string, "shrike-connect-connect")
    compaction_service_account = optional(string, "shrike-lake")
  })
  default  = null
  nullable = true
}
