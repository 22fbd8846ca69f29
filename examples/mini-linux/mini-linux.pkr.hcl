# The HCL2 twin of mini-linuxx86_64.json. A Packer from 1.10 on also wants its QEMU plugin:
# packer plugins install github.com/hashicorp/qemu

variable "outdir" {
  type    = string
  default = "output"
}

variable "vmname" {
  type    = string
  default = "mini-linux.qcow2"
}

variable "isourl" {
  type    = string
  default = ""
}

variable "isochecksum" {
  type    = string
  default = "none"
}

variable "accelerator" {
  type    = string
  default = "tcg"
}

variable "cpus" {
  type    = number
  default = 1
}

variable "memory_mb" {
  type    = number
  default = 512
}

variable "host_port_min" {
  type    = number
  default = 2222
}

variable "host_port_max" {
  type    = number
  default = 4444
}

variable "build_number" {
  type    = string
  default = "0"
}

variable "greeting" {
  type    = string
  default = ""
}

source "qemu" "mini-linux" {
  iso_url          = var.isourl
  iso_checksum     = var.isochecksum
  output_directory = var.outdir
  vm_name          = var.vmname
  accelerator      = var.accelerator
  cpus             = var.cpus
  memory           = var.memory_mb
  host_port_min    = var.host_port_min
  host_port_max    = var.host_port_max
  format           = "qcow2"
  disk_size        = "128M"
  disk_interface   = "virtio"
  net_device       = "virtio-net"
  headless         = true
  disable_vnc      = true
  qemuargs         = [["-vnc", "none"], ["-display", "none"]]
  boot_wait        = "1s"
  ssh_username     = "root"
  ssh_password     = "build"
  ssh_timeout      = "3m"
  shutdown_command = "poweroff -f"
}

build {
  sources = ["source.qemu.mini-linux"]

  provisioner "shell" {
    script = "${path.root}/scripts/install.sh"
    environment_vars = [
      "BUILD_NUMBER=${var.build_number}",
      "GREETING=${var.greeting}",
    ]
    execute_command = "env {{.Vars}} sh {{.Path}}"
  }
}
