variable "gpu_machines" {
  default = ["g5.12xlarge"]
}

variable "clients" {}

resource "aws_eks_node_group" "gpu" {
  cluster_name    = "serving"
  node_group_name = "gpu"
  instance_types  = var.gpu_machines
  node_role_arn   = "arn:aws:iam::123456789012:role/nodes"
  subnet_ids      = ["subnet-1"]

  scaling_config {
    min_size     = 1
    max_size     = 4
    desired_size = 2
  }
}

resource "aws_security_group" "inference" {
  name = "inference"

  ingress {
    from_port   = 8000
    to_port     = 8000
    protocol    = "tcp"
    cidr_blocks = var.clients
  }
}

resource "aws_s3_bucket" "models" {
  bucket = "acme-models"
}
