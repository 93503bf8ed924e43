#include "dataplane/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

bool sandbox_find_user(struct sandbox_user *user, const char *name, char *text, size_t size)
{
	const char *const defaults[] = {"_tickwire", "nobody"};
	const struct passwd *pw = NULL;

	if (name[0])
		pw = getpwnam(name);
	for (size_t i = 0; !name[0] && !pw && i < sizeof(defaults) / sizeof(defaults[0]); i++)
		pw = getpwnam(defaults[i]);
	if (!pw) {
		snprintf(text, size,
			"user %s: there is no such user; add it or name another with the `user` directive",
			name[0] ? name : defaults[0]);
		return false;
	}
	user->uid = pw->pw_uid;
	user->gid = pw->pw_gid;
	snprintf(user->name, sizeof(user->name), "%s", pw->pw_name);
	return true;
}

static bool keep_capabilities(const cap_value_t *keep, int count)
{
	cap_t caps = cap_init();
	bool ok = caps != NULL;

	if (ok && count > 0)
		ok = cap_set_flag(caps, CAP_PERMITTED, count, keep, CAP_SET) == 0 &&
		     cap_set_flag(caps, CAP_EFFECTIVE, count, keep, CAP_SET) == 0;
	ok = ok && cap_set_proc(caps) == 0;
	if (caps)
		cap_free(caps);
	return ok;
}

bool sandbox_drop_privileges(
	const struct sandbox_user *user, const cap_value_t *keep, int count, char *text, size_t size)
{
	const char *step = "prctl";

	if (geteuid() == 0) {
		if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) != 0)
			goto fail;
		step = "setgroups";
		if (setgroups(0, NULL) != 0)
			goto fail;
		step = "setresgid";
		if (setresgid(user->gid, user->gid, user->gid) != 0)
			goto fail;
		step = "setresuid";
		if (setresuid(user->uid, user->uid, user->uid) != 0)
			goto fail;
	}
	step = "capset";
	if (!keep_capabilities(keep, count))
		goto fail;
	step = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		goto fail;
	return true;
fail:
	snprintf(text, size, "cannot become user %s (%s: %s)", user->name, step, strerror(errno));
	return false;
}

bool sandbox_follow_parent(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM, 0L, 0L, 0L) == 0 && getppid() == parent;
}

void sandbox_keep_descriptors(const int *keep, size_t count)
{
	unsigned from = STDERR_FILENO + 1;

	for (size_t i = 0; i < count; i++) {
		const unsigned kept = (unsigned)keep[i];

		if (kept > from)
			close_range(from, kept - 1, 0);
		if (kept >= from)
			from = kept + 1;
	}
	close_range(from, UINT_MAX, 0);
}

bool sandbox_parse_mode(const char *word, enum sandbox_mode *mode)
{
	static const char *const names[] = {
		[SANDBOX_KILL] = "kill", [SANDBOX_ERRNO] = "errno", [SANDBOX_OFF] = "off"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(word, names[i]) == 0) {
			*mode = (enum sandbox_mode)i;
			return true;
		}
	}
	return false;
}

static const int common_calls[] = {
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(gettid),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(munmap),
	SCMP_SYS(nanosleep),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstat),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(tgkill),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/*
 * Files are not to be had, but asking is no crime: glibc opens some when it feels like it and does without
 * (its allocator looks at vm.overcommit_memory before it first gives memory of a thread back).
 */
static const int refused_calls[] = {SCMP_SYS(open), SCMP_SYS(openat)};

static int add_rule(scmp_filter_ctx ctx, const struct sandbox_rule *rule)
{
	if (rule->argument < 0)
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, rule->syscall, 0);
	struct scmp_arg_cmp compare = {
		.arg = (unsigned)rule->argument, .op = SCMP_CMP_EQ, .datum_a = rule->value, .datum_b = 0};
	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rule->syscall, 1, &compare);
}

/* Memory may be mapped, but nothing new becomes executable. */
static int add_memory_rules(scmp_filter_ctx ctx)
{
	const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
	struct scmp_arg_cmp no_exec = {
		.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = 4 /* PROT_EXEC */, .datum_b = 0};
	int error = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mremap), 0);

	for (size_t i = 0; error == 0 && i < sizeof(calls) / sizeof(calls[0]); i++)
		error = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, calls[i], 1, &no_exec);
	return error;
}

bool sandbox_filter(
	enum sandbox_mode mode, const struct sandbox_rule *rules, size_t count, char *text, size_t size)
{
	scmp_filter_ctx ctx;
	int error;

	if (mode == SANDBOX_OFF)
		return true;
	ctx = seccomp_init(mode == SANDBOX_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
	if (!ctx) {
		snprintf(text, size, "cannot make a seccomp filter; `seccomp off` runs without");
		return false;
	}
	error = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; error == 0 && i < sizeof(common_calls) / sizeof(common_calls[0]); i++)
		error = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, common_calls[i], 0);
	for (size_t i = 0; error == 0 && i < sizeof(refused_calls) / sizeof(refused_calls[0]); i++)
		error = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), refused_calls[i], 0);
	if (error == 0)
		error = add_memory_rules(ctx);
	for (size_t i = 0; error == 0 && i < count; i++)
		error = add_rule(ctx, &rules[i]);
	if (error == 0)
		error = seccomp_load(ctx);
	seccomp_release(ctx);
	if (error != 0)
		snprintf(text, size, "cannot load the seccomp filter: %s; `seccomp off` runs without",
			strerror(-error));
	return error == 0;
}
