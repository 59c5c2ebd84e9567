output "vpc_id" { value = aws_vpc.this.id }

output "zones" { value = local.zones }

output "private_subnets" {
  description = "By zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "s3_endpoint_id" { value = aws_vpc_endpoint.s3.id }
