/* What the files of kernel_path share among themselves, and with the load generator's bench/steer.c. */
#ifndef DATAPLANE_KERNEL_PATH_PRIVATE_H
#define DATAPLANE_KERNEL_PATH_PRIVATE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include "dataplane/kernel_path.h"

enum { KERNEL_NAME_SIZE = 16 }; /* BPF_OBJ_NAME_LEN */

/* Put the sentence into text[size]; false. */
__attribute__((format(printf, 3, 4))) bool kernel_path_fail(char *text, size_t size, const char *format, ...);

/* What an operator can do about an errno of bpf(2) or netlink. */
const char *kernel_path_remedy(int error);

/* "`what` `interface`: error; remedy."; false. */
bool kernel_path_system_fail(char *text, size_t size, const char *what, const char *interface, int error);

/* Whether a name that the kernel may have cut is this one. */
bool kernel_path_same_name(const char *in_kernel, const char *name);

/* Descriptor of a program by its number, with its name. -1 with errno where it is gone. */
int kernel_path_open_program(uint32_t id, char name[KERNEL_NAME_SIZE]);

/* The XDP program on an interface: its number, 0 for none, and the flag of its mode, by which to detach it.
 * False with errno. */
bool kernel_path_query_xdp(int ifindex, uint32_t *id, uint32_t *mode);

/* Take the XDP program of that name off the interface; any other stays, and none is no error. */
bool kernel_path_detach_xdp(int ifindex, const char *interface, const char *program, char *text, size_t size);

/* Write an object file (mode 0600, replaced at once). */
bool kernel_path_write_object(const char *path, const void *octets, size_t length, char *text, size_t size);

/* Open the maps of p->program. False where one that it must have is missing or of another shape. */
bool kernel_path_take_maps(struct kernel_path_program *p);

/* For libbpf_set_print, around calls whose failure is expected or reported by us. */
int kernel_path_quiet(enum libbpf_print_level level, const char *format, va_list arguments);

/* The tc part of kernel_path_detach. */
bool kernel_path_detach_tc(int ifindex, const char *interface, char *text, size_t size);

#endif
