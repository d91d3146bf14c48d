variable "name" { type = string }
variable "opts" {
  type = object({ size = number, tags = optional(set(string), ["d"]) })
}
variable "nn" {
  type     = string
  default  = "innerdefault"
  nullable = false
}
locals { id = "${var.name}-${var.opts.size}" }
module "deep" {
  source = "./deep"
  x      = [local.id, var.opts.tags]
}
output "id" { value = local.id }
output "opts" { value = var.opts }
output "nn" { value = var.nn }
output "deep" { value = module.deep.y }
output "path" { value = [path.module, path.root] }
