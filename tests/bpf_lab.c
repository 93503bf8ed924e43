#include "tests/bpf_lab.h"

#include <linux/if_xdp.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

bool bpf_lab_shell(const char *command)
{
	return system(command) == 0;
}

const char *bpf_lab_missing(void)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int program;

	if (geteuid() != 0)
		return "root";
	if (!bpf_lab_shell("command -v ip >/dev/null && command -v tc >/dev/null"))
		return "ip and tc (iproute2)";
	program = bpf_prog_load(BPF_PROG_TYPE_XDP, "probe", "GPL", pass, 2, NULL);
	if (program < 0)
		return "CAP_BPF and a kernel with BPF";
	close(program);
	return NULL;
}

int bpf_lab_make_pair(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) != 0)
		return -1;
	return bpf_lab_shell(
		       "ip link add tw0 type veth peer name tw1 && ip link set tw0 up && ip link set tw1 up")
		       ? 0
		       : -1;
}
