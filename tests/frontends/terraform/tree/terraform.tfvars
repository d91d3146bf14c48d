file = ["1", 2.5]
lo   = [{ n = 1 }, { n = "b", p = "443" }]
str  = "from-tfvars"
