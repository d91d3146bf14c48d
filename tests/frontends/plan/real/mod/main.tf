variable "size" { 
  type = number
  validation {
    condition     = var.size > 0
    error_message = "must be > 0"
  }
}
variable "names" { type = set(string) }
resource "terraform_data" "inner" {
  for_each = var.names
  input    = "${path.module}/${each.key}/${var.size}"
  triggers_replace = [var.size]
}
output "out" { value = sort([for r in terraform_data.inner : r.input]) }
