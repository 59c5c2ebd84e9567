data "aws_caller_identity" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id
  # Bucket names are unique in the world; with the account in them these are, too.
  checkpoint_bucket = "${var.name}-checkpoints-${local.account}-${var.region}"
  lake_bucket       = "${var.name}-lake-${local.account}-${var.region}"
  # Everything of one application in the bucket (checkpoints/keys.ts).
  checkpoint_folder = "${var.checkpoint_prefix}${var.application}/"
  state_label       = "shrike/state"
}

module "network" {
  source              = "./modules/network"
  name                = var.name
  region              = var.region
  zones               = var.zones
  vpc_cidr            = var.vpc_cidr
  nat                 = var.nat
  interface_endpoints = var.interface_endpoints
  log_retention_days  = var.log_retention_days
  log_key_arn         = aws_kms_key.cluster.arn
}

module "cluster" {
  source             = "./modules/cluster"
  name               = var.name
  kubernetes_version = var.kubernetes_version
  private_subnets    = module.network.private_subnets
  api_cidrs          = var.api_cidrs
  key_arn            = aws_kms_key.cluster.arn
  log_retention_days = var.log_retention_days

  node_groups = merge(
    {
      general = merge(var.general_nodes, {
        labels      = {}
        is_reserved = false
        local_nvme  = false
      })
    },
    var.local_nvme_nodes == null ? {} : {
      local-nvme = merge(var.local_nvme_nodes, {
        labels      = { (local.state_label) = "local-nvme" }
        is_reserved = true
        local_nvme  = true
      })
    },
  )
}

module "addons" {
  source               = "./modules/addons"
  cluster_name         = module.cluster.name
  oidc_provider_arn    = module.cluster.oidc_provider_arn
  oidc_issuer          = module.cluster.oidc_issuer
  admin_principal_arns = var.admin_principal_arns
  depends_on           = [module.cluster]
}

module "checkpoints" {
  source          = "./modules/bucket"
  name            = local.checkpoint_bucket
  key_arn         = aws_kms_key.storage.arn
  noncurrent_days = var.noncurrent_days
  is_deletable    = var.buckets_deletable
}

module "lake" {
  count           = var.lake == null ? 0 : 1
  source          = "./modules/bucket"
  name            = local.lake_bucket
  key_arn         = aws_kms_key.storage.arn
  noncurrent_days = var.noncurrent_days
  is_deletable    = var.buckets_deletable
}

module "registry" {
  source       = "./modules/registry"
  names        = [var.name, "${var.name}-training"]
  key_arn      = aws_kms_key.storage.arn
  is_deletable = var.buckets_deletable
}
