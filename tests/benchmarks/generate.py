"""Writes a set-up of Terraform and Kubernetes sources with a given number of resources.

    python tests/benchmarks/generate.py 10000 DIRECTORY

One team is 20 resources: a root module with a local module and for_each, and a directory of manifests.
"""

from __future__ import annotations

import sys
from pathlib import Path

TERRAFORM = """\
variable "name" {
  type    = string
  default = "team-@"
}

locals {
  pools = { a = "p5.48xlarge", b = "g6.12xlarge", c = "m7i.2xlarge" }
  tags  = { team = var.name, environment = "production" }
}

resource "aws_iam_role" "nodes" {
  name               = "${var.name}-nodes"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole" }] })
}

resource "aws_eks_node_group" "pool" {
  for_each        = local.pools
  cluster_name    = "main"
  node_group_name = "${var.name}-${each.key}"
  node_role_arn   = aws_iam_role.nodes.arn
  subnet_ids      = ["subnet-1", "subnet-2"]
  instance_types  = [each.value]
  scaling_config {
    min_size     = 0
    max_size     = 8
    desired_size = 1
  }
  taint {
    key    = "nvidia.com/gpu"
    effect = "NO_SCHEDULE"
  }
  tags = merge(local.tags, { pool = each.key })
}

resource "aws_security_group" "serving" {
  name = "${var.name}-serving"
  dynamic "ingress" {
    for_each = [443, 8000]
    content {
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = ["10.0.0.0/8"]
    }
  }
}

module "store" {
  source = "./store"
  names  = ["models", "checkpoints"]
  tags   = local.tags
}
"""
MODULE = """\
variable "names" { type = list(string) }
variable "tags" { type = map(string) }

resource "aws_s3_bucket" "this" {
  for_each = toset(var.names)
  bucket   = "team-@-${each.value}"
  tags     = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = aws_s3_bucket.this
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
"""
MANIFESTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: team-@}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: serving, namespace: team-@}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: vllm
  namespace: team-@
  labels: {app: vllm}
spec:
  replicas: 2
  selector:
    matchLabels: {app: vllm}
  template:
    metadata:
      labels: {app: vllm}
    spec:
      serviceAccountName: serving
      nodeSelector: {pool: a}
      tolerations:
        - {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}
      containers:
        - name: server
          image: vllm/vllm-openai:v0.8.5
          args: ["--model", "mistralai/Mistral-7B-Instruct-v0.3", "--tensor-parallel-size", "2"]
          env:
            - name: HF_TOKEN
              valueFrom: {secretKeyRef: {name: hf, key: token}}
          ports: [{containerPort: 8000}]
          resources:
            requests: {cpu: "8", memory: 32Gi, nvidia.com/gpu: 2}
            limits: {memory: 32Gi, nvidia.com/gpu: 2}
          readinessProbe:
            httpGet: {path: /health, port: 8000}
          volumeMounts: [{name: shm, mountPath: /dev/shm}]
      volumes:
        - name: shm
          emptyDir: {medium: Memory, sizeLimit: 8Gi}
---
apiVersion: v1
kind: Service
metadata: {name: vllm, namespace: team-@}
spec:
  selector: {app: vllm}
  ports: [{port: 80, targetPort: 8000}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: vllm, namespace: team-@}
spec:
  minAvailable: 1
  selector:
    matchLabels: {app: vllm}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: vllm, namespace: team-@}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: vllm}
  minReplicas: 2
  maxReplicas: 6
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: vllm, namespace: team-@}
spec:
  podSelector:
    matchLabels: {app: vllm}
  ingress: [{from: [{podSelector: {}}]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: finetune, namespace: team-@}
spec:
  backoffLimit: 2
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: train
          image: registry.example.com/train:1.4.2
          command: [torchrun, --nproc_per_node=8, train.py, --output_dir, "s3://checkpoints/run"]
          resources:
            limits: {nvidia.com/gpu: 8}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: team-@}
data: {mode: production, level: info}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: cache, namespace: team-@}
spec:
  accessModes: [ReadWriteMany]
  resources: {requests: {storage: 500Gi}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: view, namespace: team-@}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: serving, namespace: team-@}]
"""
PER_TEAM = 20
"""9 Terraform instances and 11 Kubernetes objects."""


def write(resources: int, directory: Path) -> int:
    """Write about ``resources`` resources below ``directory``; the exact number."""
    teams = max(1, resources // PER_TEAM)
    for number in range(teams):
        team = directory / f"team-{number:05}"
        (team / "infra" / "store").mkdir(parents=True)
        (team / "deploy").mkdir()
        for name, text in (("infra/main.tf", TERRAFORM), ("infra/store/main.tf", MODULE),
                           ("deploy/app.yaml", MANIFESTS)):  # fmt: skip
            (team / name).write_text(text.replace("@", f"{number:05}"))
    return teams * PER_TEAM


if __name__ == "__main__":
    print(write(int(sys.argv[1]), Path(sys.argv[2])))
