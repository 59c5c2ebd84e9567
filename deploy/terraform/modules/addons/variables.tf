variable "cluster_name" { type = string }
variable "oidc_provider_arn" { type = string }
variable "oidc_issuer" { type = string }
variable "admin_principal_arns" { type = set(string) }
