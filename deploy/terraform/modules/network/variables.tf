variable "name" { type = string }
variable "region" { type = string }
variable "zones" { type = list(string) }
variable "vpc_cidr" { type = string }
variable "nat" { type = string }
variable "interface_endpoints" { type = set(string) }
variable "log_retention_days" { type = number }
variable "log_key_arn" { type = string }
