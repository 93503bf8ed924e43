#include "control/requests_keys.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/status_nts.h"

static void refuse(struct reply *r, const char *why)
{
	reply_say(r, "error: %s\nrefused\n", why);
}

static void list_keys(struct supervisor *s, struct reply *r)
{
	json_t *state;
	char *text;

	nts_refresh_status(&s->nts);
	state = status_nts_json(&s->nts);
	text = state ? json_dumps(state, JSON_COMPACT) : NULL;
	if (text)
		reply_say(r, "%s\ndone\n", text);
	else
		refuse(r, "the status cannot be put together");
	free(text);
	json_decref(state);
}

/* The key file itself, without another line. */
static void export_keys(struct supervisor *s, struct reply *r)
{
	const ptrdiff_t used = nts_ask(&s->nts, KE_MESSAGE_EXPORT, NULL, 0, r->text, r->size);
	char why[256];

	if (used > 0) {
		r->used = (size_t)used;
		return;
	}
	snprintf(why, sizeof(why), "%.255s", used < 0 ? r->text : "there are no keys yet");
	refuse(r, why);
}

/* A change of keys that tickwire-ke makes: it answers with nothing, or with why not. */
static void change_keys(
	struct supervisor *s, struct reply *r, enum ke_message_type type, const void *body, size_t size)
{
	char text[512];

	if (nts_ask(&s->nts, type, body, size, text, sizeof(text)) == 0)
		reply_say(r, "done\n");
	else
		refuse(r, text);
}

static void import_keys(struct supervisor *s, struct reply *r, const char *path)
{
	static char file[KEY_STORE_TEXT];
	char text[512];
	const size_t size = key_store_read_file(file, path, nts_period(&s->config), text, sizeof(text));

	if (size == 0)
		refuse(r, text);
	else
		change_keys(s, r, KE_MESSAGE_KEYS, file, size);
	explicit_bzero(file, sizeof(file));
}

void requests_keys(struct supervisor *s, struct reply *r, const char *what)
{
	static const char import[] = "import ";

	if (!s->nts.on)
		refuse(r, "NTS is off: there is neither `ntsservercert` nor `ntsrotate 0` in the "
			  "configuration");
	else if (strcmp(what, "list") == 0)
		list_keys(s, r);
	else if (strcmp(what, "export") == 0)
		export_keys(s, r);
	else if (s->config.nts.rotate_s == 0)
		refuse(r, "with `ntsrotate 0` somebody else keeps the keys: put the new ones into "
			  "`ntsdumpdir`, as the file " KEY_FILE_NAME);
	else if (strcmp(what, "rotate") == 0)
		change_keys(s, r, KE_MESSAGE_ROTATE, NULL, 0);
	else if (strncmp(what, import, strlen(import)) == 0)
		import_keys(s, r, what + strlen(import));
	else
		refuse(r, "no such request");
}
