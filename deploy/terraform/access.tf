# What pods may do in AWS. The engine's rights are the operations of checkpoints/s3-store.ts and
# s3-upload.ts, one by one; test/deploy/terraform.test.ts runs the store with them.
#
#   PutObject, CreateMultipartUpload, UploadPart, CompleteMultipartUpload    s3:PutObject
#   GetObject, HeadObject                                                    s3:GetObject
#   ListObjectsV2, and "is missing" instead of "is forbidden"                s3:ListBucket
#   DeleteObject                                                             s3:DeleteObject
#   AbortMultipartUpload                                                     s3:AbortMultipartUpload
#
# s3:DeleteObjectVersion is not among them: what a pod deletes can be brought back for
# `noncurrent_days`, also when it was not the engine that deleted it. Drills run with
# the same account.

data "aws_iam_policy_document" "storage_key" {
  statement {
    sid       = "EncryptThroughS3"
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = [aws_kms_key.storage.arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "engine" {
  source_policy_documents = [data.aws_iam_policy_document.storage_key.json]

  statement {
    sid       = "ListOwnFolder"
    actions   = ["s3:ListBucket"]
    resources = [module.checkpoints.arn]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${local.checkpoint_folder}*"]
    }
  }

  statement {
    sid       = "ReadOwnFolder"
    actions   = ["s3:GetObject"]
    resources = ["${module.checkpoints.arn}/${local.checkpoint_folder}*"]
  }

  statement {
    sid       = "WriteOwnFolder"
    actions   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${module.checkpoints.arn}/${local.checkpoint_folder}*"]
  }
}

module "engine_role" {
  source            = "./modules/service-role"
  name              = "${var.name}-engine"
  oidc_provider_arn = module.cluster.oidc_provider_arn
  oidc_issuer       = module.cluster.oidc_issuer
  namespace         = var.namespace
  service_account   = var.service_account
  policies          = { checkpoints = data.aws_iam_policy_document.engine.json }
}

data "aws_iam_policy_document" "lake" {
  count                   = var.lake == null ? 0 : 1
  source_policy_documents = [data.aws_iam_policy_document.storage_key.json]

  statement {
    sid       = "ListLake"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
    resources = [module.lake[0].arn]
  }

  statement {
    sid       = "WriteLake"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = ["${module.lake[0].arn}/*"]
  }
}

# `shrike lake compact`: the same operations on the lake as the engine's on its folder. It deletes what it has
# compacted; versions stay, as above.
data "aws_iam_policy_document" "lake_compaction" {
  count                   = var.lake == null ? 0 : 1
  source_policy_documents = [data.aws_iam_policy_document.storage_key.json]

  statement {
    sid       = "ListLake"
    actions   = ["s3:ListBucket"]
    resources = [module.lake[0].arn]
  }

  statement {
    sid       = "CompactLake"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${module.lake[0].arn}/*"]
  }
}

module "lake_compaction_role" {
  count             = var.lake == null ? 0 : 1
  source            = "./modules/service-role"
  name              = "${var.name}-lake-compaction"
  oidc_provider_arn = module.cluster.oidc_provider_arn
  oidc_issuer       = module.cluster.oidc_issuer
  namespace         = var.namespace
  service_account   = var.lake.compaction_service_account
  policies          = { lake = data.aws_iam_policy_document.lake_compaction[0].json }
}

module "lake_role" {
  count             = var.lake == null ? 0 : 1
  source            = "./modules/service-role"
  name              = "${var.name}-lake"
  oidc_provider_arn = module.cluster.oidc_provider_arn
  oidc_issuer       = module.cluster.oidc_issuer
  namespace         = var.lake.namespace
  service_account   = var.lake.service_account
  policies          = { lake = data.aws_iam_policy_document.lake[0].json }
}
