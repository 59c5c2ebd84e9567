# Images: a tag is given once, and what is pushed is scanned.

variable "names" { type = set(string) }
variable "key_arn" { type = string }
variable "is_deletable" { type = bool }

resource "aws_ecr_repository" "this" {
  for_each             = var.names
  name                 = each.key
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.is_deletable

  image_scanning_configuration { scan_on_push = true }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.key_arn
  }
}

# Of tagged images none goes by itself: a rollback needs the one from before.
resource "aws_ecr_lifecycle_policy" "this" {
  for_each   = aws_ecr_repository.this
  repository = each.value.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "without a tag, after two weeks"
      selection = {
        tagStatus   = "untagged"
        countType   = "sinceImagePushed"
        countUnit   = "days"
        countNumber = 14
      }
      action = { type = "expire" }
    }]
  })
}

output "urls" {
  description = "By name."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}
