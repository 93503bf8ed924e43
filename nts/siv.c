#include "nts/siv.h"

#include <string.h>

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

void siv_seal(struct siv *siv, struct siv_job *jobs, size_t count)
{
	siv->backend->seal(siv, jobs, count);
}

void siv_open(struct siv *siv, struct siv_job *jobs, size_t count)
{
	siv->backend->open(siv, jobs, count);
}

bool siv_cmac(struct siv *siv, const uint8_t key[SIV_BLOCK], const void *message, size_t size,
	uint8_t mac[SIV_BLOCK])
{
	return siv->backend->cmac(siv, key, message, size, mac);
}
