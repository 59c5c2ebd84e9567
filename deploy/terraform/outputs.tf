output "region" {
  description = "Region of the cluster and of the buckets."
  value       = var.region
}

output "cluster_name" {
  description = "For aws eks update-kubeconfig."
  value       = module.cluster.name
}

output "checkpoint_bucket" {
  description = "s3.bucket"
  value       = module.checkpoints.name
}

output "image_repository" {
  description = "Where the image goes, without a tag."
  value       = module.registry.urls[var.name]
}

output "training_image_repository" {
  description = "Where the image of model training goes (deploy/docker/training), without a tag."
  value       = module.registry.urls["${var.name}-training"]
}

output "engine_role_arn" {
  description = "Of the engine's service account."
  value       = module.engine_role.arn
}

output "lake_bucket" {
  description = "null without var.lake."
  value       = one(module.lake[*].name)
}

output "lake_role_arn" {
  description = "null without var.lake. Else, of who writes there: deploy/strimzi/components/lake-role has a place for it."
  value       = one(module.lake_role[*].arn)
}

output "lake_compaction_role_arn" {
  description = "null without var.lake. Else, of the account that compacts the lake: jobs.schedules.lake.roleArn."
  value       = one(module.lake_compaction_role[*].arn)
}

# terraform output -raw helm_values > cluster.yaml; helm upgrade -f cluster.yaml …
output "helm_values" {
  description = "Values for deploy/helm/shrike that only this configuration knows."
  value = join("\n", [
    "# Made by `terraform output -raw helm_values`. Yours to add: image.digest, config.kafka, secrets.",
    yamlencode(local.helm_values),
  ])
}

locals {
  is_local = var.local_nvme_nodes != null

  helm_values = {
    image = { repository = module.registry.urls[var.name] }
    config = {
      application = var.application
      s3 = {
        bucket = module.checkpoints.name
        prefix = var.checkpoint_prefix
        region = var.region
        # The bucket encrypts with a key of its own; asking for aws:kms would mean another one.
        encryption = "none"
      }
    }
    serviceAccount = { create = true, name = var.service_account, roleArn = module.engine_role.arn }

    # Beside those of deploy/helm/values/production.yaml: when they run, and what they may take, stands there.
    jobs = {
      schedules = {
        lake = var.lake == null ? null : {
          args               = ["lake", "compact", "--from", "s3://${module.lake[0].name}/alerts/", "--config", "/etc/shrike/config/shrike.json"]
          serviceAccountName = var.lake.compaction_service_account
          roleArn            = module.lake_compaction_role[0].arn
        }
        train = {
          imageRepository = module.registry.urls["${var.name}-training"]
          args = [
            "--input=s3://${module.checkpoints.name}/${local.checkpoint_folder}training/",
            "--out=/var/lib/shrike",
            "--against=/app/models/default",
            "--publish=s3://${module.checkpoints.name}/${local.checkpoint_folder}models/",
          ]
        }
      }
    }

    # On local disks state goes with the node, and comes back from the bucket.
    persistence  = { enabled = !local.is_local, storageClass = "gp3" }
    nodeSelector = { for label in [local.state_label] : label => "local-nvme" if local.is_local }
    tolerations = [
      for label in [local.state_label] :
      { key = label, operator = "Equal", value = "local-nvme", effect = "NoSchedule" } if local.is_local
    ]
  }
}
