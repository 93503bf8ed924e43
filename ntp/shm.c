#include "ntp/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t stride_of(uint32_t size)
{
	return (size + SHM_CACHE_LINE - 1) / SHM_CACHE_LINE * SHM_CACHE_LINE;
}

static size_t octets_of(uint32_t size)
{
	return SHM_CACHE_LINE + 2 * (size_t)stride_of(size);
}

static enum shm_error check_head(const struct shm_head *head, const struct shm_contract *contract)
{
	if (head->magic != contract->magic)
		return SHM_FOREIGN;
	if (head->version != contract->version || head->size != contract->size)
		return SHM_VERSION;
	return SHM_OK;
}

static enum shm_error map(struct shm *s, int fd, int protection, const struct shm_contract *contract)
{
	void *at = mmap(NULL, octets_of(contract->size), protection, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return SHM_SYSTEM;
	*s = (struct shm){.head = at, .size = contract->size, .stride = stride_of(contract->size)};
	return SHM_OK;
}

static int open_path(const char *run_dir, const struct shm_contract *contract, const char *suffix, int flags)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s%s", run_dir, contract->file, suffix) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static enum shm_error open_existing(
	struct shm *s, const char *run_dir, const struct shm_contract *contract, int flags, int protection)
{
	int fd = open_path(run_dir, contract, "", flags);
	enum shm_error error = SHM_SYSTEM;
	struct stat st;

	*s = (struct shm){0};
	if (fd < 0)
		return SHM_SYSTEM;
	if (fstat(fd, &st) == 0) {
		struct shm_head head;

		if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
			head.magic != contract->magic)
			error = SHM_FOREIGN;
		else if (st.st_size != (off_t)octets_of(contract->size))
			error = SHM_VERSION;
		else
			error = map(s, fd, protection, contract);
	}
	close(fd);
	if (error == SHM_OK && (error = check_head(s->head, contract)) != SHM_OK)
		shm_close(s);
	return error;
}

/* Made under another name and renamed, so that no reader ever maps a half-made segment. */
static enum shm_error create_new(struct shm *s, const char *run_dir, const struct shm_contract *contract)
{
	int fd = open_path(run_dir, contract, ".new", O_RDWR | O_CREAT | O_TRUNC);
	char from[PATH_MAX], to[PATH_MAX];
	enum shm_error error = SHM_SYSTEM;

	if (fd < 0)
		return SHM_SYSTEM;
	if (ftruncate(fd, (off_t)octets_of(contract->size)) == 0)
		error = map(s, fd, PROT_READ | PROT_WRITE, contract);
	close(fd);
	if (error != SHM_OK)
		return error;
	s->head->version = contract->version;
	s->head->size = contract->size;
	s->head->magic = contract->magic;
	snprintf(from, sizeof(from), "%s/%s.new", run_dir, contract->file);
	snprintf(to, sizeof(to), "%s/%s", run_dir, contract->file);
	if (rename(from, to) != 0) {
		shm_close(s);
		return SHM_SYSTEM;
	}
	return SHM_OK;
}

enum shm_error shm_create(struct shm *s, const char *run_dir, const struct shm_contract *contract)
{
	enum shm_error error = open_existing(s, run_dir, contract, O_RDWR, PROT_READ | PROT_WRITE);

	if (error != SHM_OK)
		error = create_new(s, run_dir, contract);
	if (error == SHM_OK)
		__atomic_store_n(&s->head->generation, s->head->generation + 1, __ATOMIC_RELEASE);
	return error;
}

enum shm_error shm_open_reader(struct shm *s, const char *run_dir, const struct shm_contract *contract)
{
	return open_existing(s, run_dir, contract, O_RDONLY, PROT_READ);
}

void shm_close(struct shm *s)
{
	if (s->head)
		munmap(s->head, octets_of(s->size));
	*s = (struct shm){0};
}

void shm_explain(enum shm_error error, const char *run_dir, const struct shm_contract *contract, char *text,
	size_t size)
{
	switch (error) {
	case SHM_OK:
		snprintf(text, size, "%s/%s is in order", run_dir, contract->file);
		return;
	case SHM_SYSTEM:
		snprintf(text, size, "%s/%s: %s%s", run_dir, contract->file, strerror(errno),
			errno == ENOENT   ? "; is tickwire running with this --run-dir?"
			: errno == EACCES ? "; run this as root"
					  : "");
		return;
	case SHM_FOREIGN:
		snprintf(text, size,
			"%s/%s is not a segment of tickwire's; remove it or choose another --run-dir",
			run_dir, contract->file);
		return;
	case SHM_VERSION:
		snprintf(text, size,
			"%s/%s was made by another version of tickwire; restart tickwire so that all its "
			"parts are of one version",
			run_dir, contract->file);
		return;
	}
}
