variable "x" {}
output "y" { value = jsonencode(var.x) }
