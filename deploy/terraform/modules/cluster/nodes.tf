locals {
  groups = merge([
    for name, group in var.node_groups : {
      for zone, subnet in var.private_subnets :
      "${name}-${substr(zone, -1, 1)}" => merge(group, { kind = name, subnet_id = subnet })
    }
  ]...)
}

data "aws_iam_policy_document" "node_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

# To join, to pull images, and to give addresses to pods: a node is not ready before its network is,
# and add-ons with roles of their own come after nodes. Pods do not get at this role (one hop, below);
# what runs in the node's own network does, as the CNI must.
resource "aws_iam_role" "node" {
  name               = "${var.name}-node"
  assume_role_policy = data.aws_iam_policy_document.node_trust.json
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset([
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKS_CNI_Policy",
  ])
  role       = aws_iam_role.node.name
  policy_arn = "arn:${data.aws_partition.this.partition}:iam::aws:policy/${each.key}"
}

resource "aws_launch_template" "node" {
  for_each = var.node_groups
  name     = "${var.name}-${each.key}"

  # One hop: pods do not reach the node's role.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_type           = "gp3"
      volume_size           = each.value.disk_gib
      encrypted             = true
      delete_on_termination = true
    }
  }

  # All of the instance's disks as one, with kubelet's and containerd's folders on it: emptyDir is
  # local NVMe then, and counts as the node's ephemeral storage.
  user_data = each.value.local_nvme ? base64encode(file("${path.module}/local-nvme.mime")) : null

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${var.name}-${each.key}" }
  }
}

resource "aws_eks_node_group" "this" {
  for_each        = local.groups
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = [each.value.subnet_id]
  ami_type        = "AL2023_x86_64_STANDARD"
  instance_types  = each.value.instance_types
  labels          = each.value.labels

  launch_template {
    id      = aws_launch_template.node[each.value.kind].id
    version = aws_launch_template.node[each.value.kind].latest_version
  }

  scaling_config {
    min_size     = each.value.min_per_zone
    max_size     = each.value.max_per_zone
    desired_size = each.value.min_per_zone
  }

  # One node after the other: each takes an engine with it, whose partitions move twice.
  update_config { max_unavailable = 1 }

  dynamic "taint" {
    for_each = each.value.is_reserved ? each.value.labels : {}
    content {
      key    = taint.key
      value  = taint.value
      effect = "NO_SCHEDULE"
    }
  }

  lifecycle {
    # An autoscaler's, once there is one.
    ignore_changes = [scaling_config[0].desired_size]
  }

  depends_on = [aws_iam_role_policy_attachment.node]
}
