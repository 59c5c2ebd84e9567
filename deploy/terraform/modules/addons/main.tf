# What EKS runs in the cluster for it, and who administers it.

data "aws_partition" "this" {}

module "volume_role" {
  source            = "../service-role"
  name              = "${var.cluster_name}-ebs-csi"
  oidc_provider_arn = var.oidc_provider_arn
  oidc_issuer       = var.oidc_issuer
  namespace         = "kube-system"
  service_account   = "ebs-csi-controller-sa"
  managed_policies = {
    ebs = "arn:${data.aws_partition.this.partition}:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
  }
}

locals {
  addons = {
    coredns    = { role_arn = null, configuration = null }
    kube-proxy = { role_arn = null, configuration = null }
    # Without this setting a NetworkPolicy is accepted, and nothing heeds it.
    vpc-cni            = { role_arn = null, configuration = jsonencode({ enableNetworkPolicy = "true" }) }
    aws-ebs-csi-driver = { role_arn = module.volume_role.arn, configuration = null }
  }
}

resource "aws_eks_addon" "this" {
  for_each                    = local.addons
  cluster_name                = var.cluster_name
  addon_name                  = each.key
  service_account_role_arn    = each.value.role_arn
  configuration_values        = each.value.configuration
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_access_entry" "admin" {
  for_each      = var.admin_principal_arns
  cluster_name  = var.cluster_name
  principal_arn = each.key
}

resource "aws_eks_access_policy_association" "admin" {
  for_each      = var.admin_principal_arns
  cluster_name  = var.cluster_name
  principal_arn = aws_eks_access_entry.admin[each.key].principal_arn
  policy_arn    = "arn:${data.aws_partition.this.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

  access_scope { type = "cluster" }
}
