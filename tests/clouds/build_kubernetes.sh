#!/bin/sh
# Builds the programs of a Kubernetes control plane for the tests, from the Go module proxy:
#
#   tests/clouds/build_kubernetes.sh [FOLDER]      # build/kubernetes when none is named
#   ISOBAR_KUBERNETES=FOLDER/bin ./dev test clouds_kubernetes_real
#
# Needs Go 1.26; takes some ten minutes on two cores, and half a gigabyte.
set -eu
version=1.36.3 etcd=3.6.16
minor=${version#*.}
folder=${1:-$(dirname "$0")/../../build/kubernetes}
mkdir -p "$folder/bin" "$folder/etcd" && cd "$folder"
export GOFLAGS=-mod=mod CGO_ENABLED=0
# Kubernetes' own go.mod leads the modules it is made of to folders of its repository; as modules they have versions of their own.
{
  printf 'module kube\n\ngo 1.26\n\nrequire k8s.io/kubernetes v%s\n\n' "$version"
  for module in api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap code-generator \
    component-base component-helpers controller-manager cri-api cri-client cri-streaming csi-translation-lib dynamic-resource-allocation \
    endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics mount-utils \
    pod-security-admission sample-apiserver sample-cli-plugin sample-controller streaming; do
    printf 'replace k8s.io/%s => k8s.io/%s v0.%s\n' "$module" "$module" "${version#*.}"
  done
} >go.mod
cat >tools.go <<'G'
//go:build tools

package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
G
named="-X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1 \
-X k8s.io/component-base/version.gitMinor=${minor%.*} -X k8s.io/client-go/pkg/version.gitVersion=v$version"
go get "k8s.io/kubernetes/cmd/kube-apiserver@v$version"
for program in kube-apiserver kube-scheduler kube-controller-manager kubectl; do
  go build -trimpath -ldflags "-s -w $named" -o "bin/$program" "k8s.io/kubernetes/cmd/$program"
done
cd etcd
printf 'module etcd\n\ngo 1.26\n' >go.mod
go get "go.etcd.io/etcd/server/v3@v$etcd"
go build -trimpath -o ../bin/etcd go.etcd.io/etcd/server/v3
