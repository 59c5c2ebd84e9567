# Two keys: what the cluster holds, and what the buckets hold, can be taken away apart.

data "aws_iam_policy_document" "own_account" {
  # checkov:skip=CKV_AWS_109:In a key's policy * is that key; without this statement nobody could ever change it.
  # checkov:skip=CKV_AWS_111:In a key's policy * is that key.
  # checkov:skip=CKV_AWS_356:In a key's policy * is that key.
  statement {
    sid       = "RightsComeFromIam"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${local.account}:root"]
    }
  }
}

data "aws_partition" "this" {}

data "aws_iam_policy_document" "cluster_key" {
  # checkov:skip=CKV_AWS_111:In a key's policy * is that key.
  # checkov:skip=CKV_AWS_356:In a key's policy * is that key.
  source_policy_documents = [data.aws_iam_policy_document.own_account.json]

  statement {
    sid       = "LogGroupsOfThisCluster"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values = [
        "arn:${data.aws_partition.this.partition}:logs:${var.region}:${local.account}:log-group:/aws/eks/${var.name}/*",
        "arn:${data.aws_partition.this.partition}:logs:${var.region}:${local.account}:log-group:/aws/vpc/${var.name}/*",
      ]
    }
  }
}

resource "aws_kms_key" "cluster" {
  description         = "${var.name}: secrets of Kubernetes, and logs"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.cluster_key.json
}

resource "aws_kms_alias" "cluster" {
  name          = "alias/${var.name}-cluster"
  target_key_id = aws_kms_key.cluster.key_id
}

resource "aws_kms_key" "storage" {
  description         = "${var.name}: buckets and images"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.own_account.json
}

resource "aws_kms_alias" "storage" {
  name          = "alias/${var.name}-storage"
  target_key_id = aws_kms_key.storage.key_id
}
