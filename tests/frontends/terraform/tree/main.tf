variable "s" {
  type    = string
  default = 5
}
variable "n" {
  type    = number
  default = "1.50"
}
variable "l" {
  type    = list(string)
  default = [1, true, "x"]
}
variable "la" {
  type    = list(any)
  default = [1, "x"]
}
variable "st" {
  type    = set(number)
  default = ["3", 1, 2, 1]
}
variable "mp" {
  type    = map(any)
  default = { a = 1, b = "x" }
}
variable "o" {
  type = object({
    a = string
    b = optional(number, 3)
    c = optional(object({ d = optional(string, "dd"), e = optional(bool) }), {})
    f = optional(list(object({ g = string, h = optional(number, 9) })), [])
    i = optional(map(string))
  })
  default = { a = 1, f = [{ g = "x" }, { g = 2, h = "7" }], extra = true }
}
variable "mo" {
  type    = map(object({ size = number, spot = optional(bool, false), labels = optional(map(string), { x = 1 }) }))
  default = { a = { size = "1" }, b = { size = 2, spot = "true", labels = null } }
}
variable "t" {
  type    = tuple([string, number, list(string)])
  default = [1, "2", [3]]
}
variable "any" {
  type    = any
  default = [1, "a", null]
}
variable "notype" { default = { a = [1, "b"] } }
variable "nul" {
  type    = string
  default = null
}
variable "nn" {
  type     = string
  default  = "dflt"
  nullable = false
}
variable "file" { type = list(number) }
variable "lo" { type = list(object({ n = string, p = optional(number, 80) })) }
variable "str" {}
variable "sens" {
  default   = "secret"
  sensitive = true
}
variable "deepopt" {
  type    = object({ x = optional(object({ y = optional(object({ z = optional(number, 1) }), {}) }), {}) })
  default = {}
}
variable "setobj" {
  type    = set(object({ a = number, b = optional(string, "q") }))
  default = [{ a = 2 }, { a = 1, b = "z" }, { a = 2 }]
}
variable "lany" {
  type    = map(list(any))
  default = { a = [1, 2], b = ["x"] }
}
locals {
  items  = { for k, v in var.mo : k => merge(v, { key = k }) }
  nested = [for p in setproduct(["a", "b"], [1, 2]) : { zone = p[0], idx = p[1] }]
  byzone = { for x in local.nested : x.zone => x.idx... }
}
module "m" {
  source   = "./m"
  for_each = toset(["b", "a"])
  name     = each.key
  opts     = { size = 1 }
  nn       = null
}
module "c" {
  source = "./m"
  count  = 2
  name   = "c${count.index}"
  opts   = { size = "9", tags = ["t"] }
}
module "zero" {
  source = "./m"
  count  = 0
  name   = "z"
  opts   = { size = 1 }
}
