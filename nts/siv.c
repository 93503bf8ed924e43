#include "nts/siv.h"

#include <string.h>

#include "nts/gcm_siv.h"
#include "tickwire_build.h"

const struct siv_backend *const siv_backends[] = {
#if TICKWIRE_X86_KERNELS
	&siv_vaes512, &siv_vaes256, &siv_aesni,
#endif
	&siv_openssl, NULL};

const struct siv_backend *siv_backend_best(void)
{
	const struct siv_backend *const *backend = siv_backends;

	while (!(*backend)->supported())
		backend++;
	return *backend;
}

const struct siv_backend *siv_backend_find(const char *name)
{
	const struct siv_backend *const *backend = siv_backends;

	while (*backend && strcmp((*backend)->name, name) != 0)
		backend++;
	return *backend;
}

struct siv *siv_new(const struct siv_backend *backend)
{
	struct siv *siv = backend->supported() ? backend->new () : NULL;

	if (siv)
		siv->backend = backend;
	return siv;
}

void siv_free(struct siv *siv)
{
	if (siv)
		siv->backend->free(siv);
}

static bool is_gcm(const struct siv_job *job)
{
	return job->aead == AEAD_AES_128_GCM_SIV;
}

/* Neighbours of one AEAD go together. */
static void run(struct siv *siv, struct siv_job *jobs, size_t count,
	void (*many)(struct siv *, struct siv_job *, size_t), void (*gcm)(struct siv *, struct siv_job *))
{
	for (size_t at = 0, end = 0; at < count; at = end) {
		while (end < count && !is_gcm(&jobs[end]))
			end++;
		if (end > at)
			many(siv, jobs + at, end - at);
		while (end < count && is_gcm(&jobs[end]))
			gcm(siv, &jobs[end++]);
	}
}

void siv_seal(struct siv *siv, struct siv_job *jobs, size_t count)
{
	run(siv, jobs, count, siv->backend->seal, gcm_siv_seal);
}

void siv_open(struct siv *siv, struct siv_job *jobs, size_t count)
{
	run(siv, jobs, count, siv->backend->open, gcm_siv_open);
}

bool siv_cmac(struct siv *siv, const uint8_t key[SIV_BLOCK], const void *message, size_t size,
	uint8_t mac[SIV_BLOCK])
{
	return siv->backend->cmac(siv, key, message, size, mac);
}
