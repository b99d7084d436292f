/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A desktop's notification server for tests: what it is asked to show is a line of JSON on standard output; "action ID KEY"
 * and "close ID" on standard input are what a user does. With an argument it can do nothing but plain text.
 * https://specifications.freedesktop.org/notification-spec */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define SERVER "org.freedesktop.Notifications"
#define SERVER_PATH "/org/freedesktop/Notifications"

static int is_plain;
static uint32_t last_id;

static int get_capabilities(sd_bus_message *m, void *userdata, sd_bus_error *error) {
	(void)userdata, (void)error;
	return is_plain ? sd_bus_reply_method_return(m, "as", 1, "body")
	                : sd_bus_reply_method_return(m, "as", 3, "body", "body-markup", "actions");
}

static int notify(sd_bus_message *m, void *userdata, sd_bus_error *error) {
	json_object *shown = json_object_new_object(), *actions = json_object_new_array();
	const char *name, *icon, *title, *body, *action;
	uint32_t replaces, id;
	int r;

	(void)userdata, (void)error;
	r = sd_bus_message_read(m, "susss", &name, &replaces, &icon, &title, &body);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &action)) > 0)
		json_object_array_add(actions, json_object_new_string(action));
	if (r < 0)
		return r;
	id = replaces ? replaces : ++last_id;
	json_object_object_add(shown, "name", json_object_new_string(name));
	json_object_object_add(shown, "id", json_object_new_int64(id));
	json_object_object_add(shown, "replaces", json_object_new_int64(replaces));
	json_object_object_add(shown, "title", json_object_new_string(title));
	json_object_object_add(shown, "body", json_object_new_string(body));
	json_object_object_add(shown, "actions", actions);
	puts(json_object_to_json_string_ext(shown, JSON_C_TO_STRING_PLAIN));
	json_object_put(shown);
	return sd_bus_reply_method_return(m, "u", id);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("GetCapabilities", "", "as", get_capabilities, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Notify", "susssasa{sv}i", "u", notify, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL("ActionInvoked", "us", 0),
	SD_BUS_SIGNAL("NotificationClosed", "uu", 0),
	SD_BUS_VTABLE_END,
};

static int on_input(sd_event_source *source, int fd, uint32_t events, void *userdata) {
	char line[256], key[64];
	sd_bus *bus = userdata;
	unsigned id;

	(void)fd, (void)events;
	if (!fgets(line, sizeof(line), stdin))
		return sd_event_exit(sd_event_source_get_event(source), 0);
	if (sscanf(line, "action %u %63s", &id, key) == 2)
		return sd_bus_emit_signal(bus, SERVER_PATH, SERVER, "ActionInvoked", "us", id, key);
	if (sscanf(line, "close %u", &id) == 1)
		return sd_bus_emit_signal(bus, SERVER_PATH, SERVER, "NotificationClosed", "uu", id, 2);
	return 0;
}

int main(int argc, char **argv) {
	sd_bus *bus = NULL;
	sd_event *event = NULL;
	int r;

	(void)argv;
	is_plain = argc > 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	r = sd_event_default(&event);
	if (r >= 0)
		r = sd_bus_open_user(&bus);
	if (r >= 0)
		r = sd_bus_add_object_vtable(bus, NULL, SERVER_PATH, SERVER, vtable, NULL);
	if (r >= 0)
		r = sd_bus_request_name(bus, SERVER, 0);
	if (r >= 0)
		r = sd_bus_attach_event(bus, event, 0);
	if (r >= 0)
		r = sd_event_add_io(event, NULL, STDIN_FILENO, 1 /* EPOLLIN */, on_input, bus);
	if (r < 0) {
		fprintf(stderr, "notification-server: %s\n", strerror(-r));
		return 1;
	}
	puts("\"ready\"");
	return sd_event_loop(event);
}
