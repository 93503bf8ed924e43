/* What tests of programs in the kernel have in common: what they need, and an interface of their own. */
#ifndef TESTS_BPF_LAB_H
#define TESTS_BPF_LAB_H

#include <stdbool.h>

/* What is missing to load a program and to make interfaces; NULL: nothing. */
const char *bpf_lab_missing(void);

/* Run by sh; whether it succeeded. */
bool bpf_lab_shell(const char *command);

/* A veth pair tw0, tw1 in a network namespace of this process's own: a cmocka set-up. */
int bpf_lab_make_pair(void **state);

#endif
