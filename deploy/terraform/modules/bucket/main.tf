# A bucket that is versioned, encrypted, private, and reached by TLS only.

variable "name" { type = string }
variable "key_arn" { type = string }
variable "noncurrent_days" { type = number }
variable "is_deletable" { type = bool }

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18:Who called what is in CloudTrail's data events, which are switched on for an account and not for a bucket.
  # checkov:skip=CKV_AWS_144:The log can rebuild it; what a second region is worth is for its owner to say.
  # checkov:skip=CKV2_AWS_62:Nothing waits for events of this bucket.
  bucket        = var.name
  force_destroy = var.is_deletable
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    # One request to the key for many objects: checkpoints make two objects each.
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  rule { object_ownership = "BucketOwnerEnforced" }
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "OnlyByTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket     = aws_s3_bucket.this.id
  policy     = data.aws_iam_policy_document.this.json
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# Nothing expires by its age: a base that nothing has replaced yet may be old, and retention is the
# engine's, of checkpoints (checkpoints/README.md) and of reports of drills. What the engine has
# deleted, and what was written over, is kept for some days, and then goes.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "left-behind"
    status = "Enabled"
    filter {}
    # An upload in parts has `s3.deadlineMs` (a minute); what is older was left by a crash.
    abort_incomplete_multipart_upload { days_after_initiation = 1 }
    noncurrent_version_expiration { noncurrent_days = var.noncurrent_days }
    expiration { expired_object_delete_marker = true }
  }

  # A rule of versions is refused by a bucket that has none yet.
  depends_on = [aws_s3_bucket_versioning.this]
}

output "name" { value = aws_s3_bucket.this.id }
output "arn" { value = aws_s3_bucket.this.arn }
