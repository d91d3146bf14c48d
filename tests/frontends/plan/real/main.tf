variable "zones" {
  type    = map(object({ size = number, gpu = optional(bool, false) }))
  default = { b = { size = 2 }, a = { size = 1, gpu = true } }
}
resource "terraform_data" "single" { input = { a = 1, b = [true, null] } }
resource "terraform_data" "counted" {
  count = 3
  input = "c-${count.index}-${length(terraform_data.each)}"
}
resource "terraform_data" "none" {
  count = 0
  input = 1
}
resource "terraform_data" "each" {
  for_each = { for k, v in var.zones : k => v if v.size > 0 }
  input    = merge(each.value, { key = each.key })
}
resource "terraform_data" "set" {
  for_each = toset(["y", "x", "y"])
  input    = each.value
}
resource "terraform_data" "refs" {
  input = [terraform_data.single.input, [for r in terraform_data.counted : r.input], { for k, r in terraform_data.each : k => r.input.size }, terraform_data.each["a"].input.gpu, terraform_data.counted[*].input, length(terraform_data.none), keys(terraform_data.set)]
}
resource "terraform_data" "unknown" { input = terraform_data.single.id }
module "a" {
  source   = "./mod"
  for_each = var.zones
  size     = each.value.size
  names    = [for n in range(each.value.size) : "${each.key}${n}"]
}
module "n" {
  source = "./mod"
  size   = 1
  names  = ["z"]
  depends_on = [terraform_data.single]
}
resource "terraform_data" "fromchild" { input = [for k, m in module.a : m.out] }
output "x" { value = terraform_data.refs.input }
moved {
  from = terraform_data.old
  to   = terraform_data.single
}
check "c" {
  assert {
    condition     = length(terraform_data.counted) == 3
    error_message = "no"
  }
}
