/* Shared-memory segments: ntp/shm.h. Also built with ThreadSanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ntp/shm.h"

enum { WORDS = 40, READERS = 4, STRESS_MS = 1500, KILLS = 60 };

/* Every word of a publication is a function of one number, so that a mixed copy gives itself away. */
struct sample {
	uint64_t word[WORDS];
};

static const struct shm_contract contract = {
	"sample", SHM_MAGIC('T', 'W', 'S', 'A', 'M', 'P', 'L', 'E'), 3, sizeof(struct sample)};

static char run_dir[] = "/tmp/tickwire-test-shm-XXXXXX";
static char file[sizeof(run_dir) + 16];

static struct sample sample_of(uint64_t number)
{
	struct sample s;

	for (uint64_t i = 0; i < WORDS; i++)
		s.word[i] = number * UINT64_C(0x9e3779b97f4a7c15) + (i << 56);
	return s;
}

static bool is_whole(const struct sample *s)
{
	for (uint64_t i = 1; i < WORDS; i++)
		if (s->word[i] != s->word[0] + (i << 56))
			return false;
	return true;
}

static void publish(const struct shm *s, uint64_t number)
{
	struct sample sample = sample_of(number);

	shm_publish(s, &sample);
}

static void assert_reads(const struct shm *s, uint64_t sequence, uint64_t number)
{
	struct sample got, expected = sample_of(number);

	assert_int_equal(shm_read(s, &got), sequence);
	assert_memory_equal(&got, &expected, sizeof(got));
}

static void write_file(const void *octets, size_t size)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, size), size);
	close(fd);
}

static void test_reader_before_the_segment(void **state)
{
	struct shm reader;
	char text[256];

	(void)state;
	errno = 0;
	assert_int_equal(shm_open_reader(&reader, run_dir, &contract), SHM_SYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_null(reader.head);
	shm_explain(SHM_SYSTEM, run_dir, &contract, text, sizeof(text));
	assert_non_null(strstr(text, file));
	assert_non_null(strstr(text, "--run-dir"));
	shm_close(&reader);
}

static void test_reader_before_publication(void **state)
{
	struct shm writer, reader;
	struct sample got;
	struct stat st;

	(void)state;
	assert_int_equal(shm_create(&writer, run_dir, &contract), SHM_OK);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(shm_open_reader(&reader, run_dir, &contract), SHM_OK);
	assert_int_equal(shm_sequence(&reader), 0);
	assert_int_equal(shm_read(&reader, &got), 0);
	for (uint64_t i = 1; i <= 5; i++) {
		publish(&writer, 100 + i);
		assert_int_equal(shm_sequence(&reader), i);
		assert_reads(&reader, i, 100 + i);
	}
	shm_close(&writer);
	assert_reads(&reader, 5, 105);
	shm_close(&reader);
}

static void test_takeover(void **state)
{
	struct shm writer, next, reader;

	(void)state;
	assert_int_equal(shm_create(&writer, run_dir, &contract), SHM_OK);
	assert_int_equal(writer.head->generation, 1);
	publish(&writer, 1);
	assert_int_equal(shm_open_reader(&reader, run_dir, &contract), SHM_OK);
	shm_close(&writer);
	assert_int_equal(shm_create(&next, run_dir, &contract), SHM_OK);
	assert_int_equal(reader.head->generation, 2);
	assert_reads(&reader, 1, 1); /* the old data stay until there are new */
	publish(&next, 2);
	assert_reads(&reader, 2, 2);
	shm_close(&next);
	shm_close(&reader);
}

static void check_foreign(const void *octets, size_t size)
{
	struct shm s;

	write_file(octets, size);
	assert_int_equal(shm_open_reader(&s, run_dir, &contract), SHM_FOREIGN);
	assert_null(s.head);
	assert_int_equal(shm_create(&s, run_dir, &contract), SHM_OK);
	assert_int_equal(shm_sequence(&s), 0);
	publish(&s, 9);
	assert_reads(&s, 1, 9);
	shm_close(&s);
}

static void test_foreign_file(void **state)
{
	char octets[SHM_CACHE_LINE + 2 * sizeof(struct sample)];
	char text[256];

	(void)state;
	memset(octets, 'x', sizeof(octets));
	check_foreign(octets, 0);
	check_foreign(octets, SHM_CACHE_LINE - 1);
	check_foreign(octets, sizeof(octets));
	shm_explain(SHM_FOREIGN, run_dir, &contract, text, sizeof(text));
	assert_non_null(strstr(text, file));
}

static void check_version(const struct shm_contract *other)
{
	struct shm writer, reader;

	assert_int_equal(shm_create(&writer, run_dir, other), SHM_OK);
	assert_int_equal(shm_open_reader(&reader, run_dir, &contract), SHM_VERSION);
	assert_null(reader.head);
	shm_close(&writer);
	/* a writer of this version makes it anew */
	assert_int_equal(shm_create(&writer, run_dir, &contract), SHM_OK);
	assert_int_equal(shm_open_reader(&reader, run_dir, &contract), SHM_OK);
	publish(&writer, 4);
	assert_reads(&reader, 1, 4);
	shm_close(&writer);
	shm_close(&reader);
}

static void test_other_version(void **state)
{
	struct shm_contract other = contract;
	char text[256];

	(void)state;
	other.version++;
	check_version(&other);
	other = contract;
	other.size += 8 * SHM_CACHE_LINE;
	check_version(&other);
	other.size = contract.size - 8; /* the same file size, as copies start on a cache line */
	check_version(&other);
	shm_explain(SHM_VERSION, run_dir, &contract, text, sizeof(text));
	assert_non_null(strstr(text, "restart"));
}

static void test_missing_directory(void **state)
{
	struct shm s;

	(void)state;
	assert_int_equal(shm_create(&s, "/nonexistent/tickwire", &contract), SHM_SYSTEM);
	assert_null(s.head);
	shm_close(&s);
}

struct reader {
	struct shm shm;
	pthread_t thread;
	const int *stop;
	uint64_t good, overtaken, mixed, backwards;
};

static void *read_much(void *opaque)
{
	struct reader *r = opaque;
	uint64_t last = 0;
	struct sample got;

	while (!__atomic_load_n(r->stop, __ATOMIC_RELAXED)) {
		uint64_t sequence = shm_read(&r->shm, &got);
		struct sample expected = sample_of(sequence);

		if (sequence == 0) {
			r->overtaken++;
			continue;
		}
		r->good++;
		r->mixed += !is_whole(&got) || memcmp(&got, &expected, sizeof(got)) != 0;
		r->backwards += sequence < last;
		last = sequence;
	}
	return NULL;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Bursts as fast as can be, so that copies are overtaken, and pauses, so that others succeed on a busy
 * machine. */
static uint64_t write_much(const struct shm *writer)
{
	int64_t end = now_ms() + STRESS_MS;
	uint64_t number = 1;

	while (now_ms() < end) {
		for (int i = 0; i < 200; i++)
			publish(writer, ++number);
		if (number / 200 % 16 == 0)
			nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
	}
	return number;
}

/* Half of the readers share the writer's mapping, which ThreadSanitizer can see; the others have their own.
 */
static void start_readers(struct reader readers[READERS], const struct shm *writer, const int *stop)
{
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.shm = *writer, .stop = stop};
		if (i % 2)
			assert_int_equal(shm_open_reader(&readers[i].shm, run_dir, &contract), SHM_OK);
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_much, &readers[i]), 0);
	}
}

/* No assertion before all have ended: a failed one leaves the function that their data live in. */
static struct reader join_readers(struct reader readers[READERS])
{
	struct reader sum = {0};

	for (int i = 0; i < READERS; i++) {
		const struct reader *r = &readers[i];

		pthread_join(r->thread, NULL);
		print_message("reader %d: %llu copies, %llu times overtaken\n", i,
			(unsigned long long)r->good, (unsigned long long)r->overtaken);
		sum.good += r->good;
		sum.mixed += r->mixed;
		sum.backwards += r->backwards;
		if (i % 2)
			shm_close(&readers[i].shm);
	}
	return sum;
}

static void test_copies_are_never_mixed(void **state)
{
	struct reader readers[READERS], sum;
	uint64_t written;
	struct shm writer;
	int stop = 0;

	(void)state;
	assert_int_equal(shm_create(&writer, run_dir, &contract), SHM_OK);
	publish(&writer, 1);
	start_readers(readers, &writer, &stop);
	written = write_much(&writer);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	sum = join_readers(readers);
	shm_close(&writer);
	assert_int_equal(sum.mixed, 0);
	assert_int_equal(sum.backwards, 0);
	assert_true(written > 1000);
	assert_true(sum.good > 1000);
}

/* What a kill in the middle of shm_publish leaves: half of the other copy is new, and sequence has not
 * turned. */
static void test_half_a_publication(void **state)
{
	struct shm writer, next, reader;
	struct sample half = sample_of(3);

	(void)state;
	assert_int_equal(shm_create(&writer, run_dir, &contract), SHM_OK);
	publish(&writer, 1);
	publish(&writer, 2);
	assert_int_equal(shm_open_reader(&reader, run_dir, &contract), SHM_OK);
	memcpy(shm_copy_at(&writer, 3), &half, sizeof(half) / 2);
	shm_close(&writer);
	assert_reads(&reader, 2, 2);
	assert_int_equal(shm_create(&next, run_dir, &contract), SHM_OK);
	assert_reads(&reader, 2, 2);
	publish(&next, 4);
	assert_reads(&reader, 3, 4);
	shm_close(&next);
	shm_close(&reader);
}

/* The child publishes until it is killed, wherever that hits. */
static pid_t start_writer(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct shm writer;

		prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive a test that is itself killed */
		if (shm_create(&writer, run_dir, &contract) != SHM_OK)
			_exit(1);
		for (uint64_t n = shm_sequence(&writer) + 1;; n++)
			publish(&writer, n);
	}
	return pid;
}

static void kill_writer_after(pid_t pid, const struct shm *reader, uint64_t sequence, long ns)
{
	int status;

	for (int64_t end = now_ms() + 60000; shm_sequence(reader) <= sequence && now_ms() < end;)
		nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void test_writers_killed(void **state)
{
	struct shm writer, reader;
	uint64_t sequence = 1;
	unsigned seed = 11;

	(void)state;
	assert_int_equal(shm_create(&writer, run_dir, &contract), SHM_OK);
	publish(&writer, 1);
	shm_close(&writer);
	assert_int_equal(shm_open_reader(&reader, run_dir, &contract), SHM_OK);
	for (int i = 0; i < KILLS; i++) {
		uint64_t before = sequence;

		kill_writer_after(start_writer(), &reader, before, rand_r(&seed) % 300000);
		sequence = shm_sequence(&reader);
		assert_true(sequence > before);
		assert_reads(&reader, sequence, sequence);
		assert_int_equal(reader.head->generation, i + 2);
	}
	shm_close(&reader);
}

static int remove_segment(void **state)
{
	(void)state;
	unlink(file);
	return 0;
}

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(run_dir))
		return -1;
	snprintf(file, sizeof(file), "%s/%s", run_dir, contract.file);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(run_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_reader_before_the_segment, remove_segment),
		cmocka_unit_test_teardown(test_reader_before_publication, remove_segment),
		cmocka_unit_test_teardown(test_takeover, remove_segment),
		cmocka_unit_test_teardown(test_foreign_file, remove_segment),
		cmocka_unit_test_teardown(test_other_version, remove_segment),
		cmocka_unit_test_teardown(test_missing_directory, remove_segment),
		cmocka_unit_test_teardown(test_copies_are_never_mixed, remove_segment),
		cmocka_unit_test_teardown(test_half_a_publication, remove_segment),
		cmocka_unit_test_teardown(test_writers_killed, remove_segment),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
