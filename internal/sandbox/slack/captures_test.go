package slack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	slackgo "github.com/slack-go/slack"

	"rekey/internal/sandbox/slack"
)

// TestShapesAgainstCaptures compares what the server sends with samples of what
// Slack sends: no member that the sample does not have, none of another kind,
// and those named there. REKEY_CAPTURES names a folder with the samples of
// slackapi/java-slack-sdk (json-logs/samples) in its folder slack.
func TestShapesAgainstCaptures(t *testing.T) {
	folder := os.Getenv("REKEY_CAPTURES")
	if folder == "" {
		t.Skip("set REKEY_CAPTURES to a folder of recorded Slack payloads to compare shapes with them")
	}
	w := start(t, slack.Config{})
	for _, c := range recorded(t, w) {
		t.Run(c.sample, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(folder, "slack", c.sample+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var sample any
			if err := json.Unmarshal(text, &sample); err != nil {
				t.Fatal(err)
			}
			for _, fault := range compare("", c.ours, sample, c.allow) {
				t.Error(fault)
			}
			for name := range strings.FieldsSeq(c.must) {
				if !has(c.ours, strings.Split(name, ".")) {
					t.Errorf("%s is missing", name)
				}
			}
		})
	}
}

type recording struct {
	sample string
	ours   any
	must   string // members that have to be there, with dots
	allow  string // members not in the sample, but documented
}

// recorded plays one small scene and returns what the server said in it.
func recorded(t *testing.T, w *world) []recording {
	t.Helper()
	get := func(method string, args url.Values) any {
		_, _, out := direct(t, w.Server, method, args)
		if out["ok"] != true {
			t.Fatalf("%s: %v", method, out)
		}
		return any(out)
	}
	ts := w.post(t, "approve?", slackgo.MsgOptionBlocks(section("approve?"), button("approve", "1")))
	reply := w.post(t, "more", slackgo.MsgOptionTS(ts), slackgo.MsgOptionBlocks(button("more", "2")))
	item := url.Values{"channel": {ops}, "timestamp": {ts}, "name": {"x"}}
	announced, ok := get("files.getUploadURLExternal", url.Values{"filename": {"a.png"}, "length": {strconv.Itoa(len(dot(t)))}, "alt_txt": {"a dot"}}).(map[string]any)
	if !ok || send(t, w, fmt.Sprint(announced["upload_url"]), string(dot(t))) != http.StatusOK {
		t.Fatalf("uploading: %v", announced)
	}
	out := []recording{
		{sample: "auth.test", ours: get("auth.test", nil), must: "ok team_id user_id bot_id"},
		{sample: "chat.postEphemeral", ours: get("chat.postEphemeral", url.Values{"channel": {ops}, "user": {ann}, "text": {"x"}}), must: "message_ts"},
		{sample: "files.getUploadURLExternal", ours: announced, must: "ok upload_url file_id"},
		{sample: "files.completeUploadExternal", ours: get("files.completeUploadExternal", url.Values{"files": {fmt.Sprintf(`[{"id":%q}]`, announced["file_id"])}}), must: "ok files.id files.title files.name files.size files.alt_txt"},
		{sample: "conversations.info", ours: get("conversations.info", url.Values{"channel": {ops}}), must: "channel.id channel.is_ext_shared channel.is_member"},
		{sample: "reactions.add", ours: get("reactions.add", item), must: "ok"},
		{sample: "usergroups.users.list", ours: get("usergroups.users.list", url.Values{"usergroup": {"S0APPROVERS"}}), must: "users"},
		{sample: "users.info", ours: get("users.info", url.Values{"user": {ann}}), must: "user.id user.team_id user.deleted user.is_bot user.is_restricted"},
	}

	// The event of our own emoji finds no socket, twice, and is out of the way.
	w.until(t, func(p slack.Snapshot) bool { return p.Stats.Unacked == 2 })
	conn := w.dial(t, nil)
	conn.frame(t) // hello
	payload := func() any {
		f := conn.frame(t)
		conn.send(t, fmt.Sprintf(`{"envelope_id":%q}`, f["envelope_id"]))
		return f["payload"]
	}
	event := "team_id event.user event.reaction event.item.channel event.item.ts event.item_user event_id event_time authorizations is_ext_shared_channel"
	if err := w.React(ann, ops, ts, "eyes"); err != nil {
		t.Fatal(err)
	}
	out = append(out, recording{sample: "ReactionAddedPayload", ours: payload(), must: event})
	if err := w.Unreact(ann, ops, ts, "eyes"); err != nil {
		t.Fatal(err)
	}
	out = append(out, recording{sample: "ReactionRemovedPayload", ours: payload(), must: event})

	done := make(chan error, 1)
	go func() { _, err := w.SlashCommand(t.Context(), ann, ops, "/rotate", "x"); done <- err }()
	out = append(out, recording{sample: "SlashCommandPayload", ours: payload(), must: "command text user_id channel_id team_id response_url trigger_id"})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := w.Click(t.Context(), ann, slack.Press{Channel: ops, TS: reply, Action: "more"})
		done <- err
	}()
	out = append(out, recording{sample: "BlockActionPayload", ours: payload(),
		must:  "type user.team_id team.id container.message_ts container.thread_ts channel.id message.ts actions response_url trigger_id",
		allow: "message.reactions.users message.blocks.elements.text.verbatim"})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	modal := func(notify bool) string {
		go func() {
			_, err := w.Click(t.Context(), ann, slack.Press{Channel: ops, TS: reply, Action: "more"})
			done <- err
		}()
		trigger := payload().(map[string]any)["trigger_id"].(string)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		v, err := w.api.OpenViewContext(t.Context(), trigger, form("Why?", func(v *slackgo.ModalViewRequest) { v.NotifyOnClose = notify }))
		if err != nil {
			t.Fatal(err)
		}
		return v.ID
	}
	id := modal(false)
	go func() {
		_, err := w.Submit(t.Context(), ann, id, map[string]string{"why": "x"})
		done <- err
	}()
	view := "type user.id user.team_id team.id view.id view.callback_id view.private_metadata view.state view.hash"
	// The samples have an empty state and no blocks: both are whatever the app sent.
	out = append(out, recording{sample: "ViewSubmissionPayload", ours: payload(), must: view + " trigger_id", allow: "view.blocks view.state.values response_urls"})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	id = modal(true)
	go func() { done <- w.Dismiss(t.Context(), ann, id) }()
	out = append(out, recording{sample: "ViewClosedPayload", ours: payload(), must: view + " is_cleared", allow: "view.blocks view.state.values"})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return out
}

// compare lists where ours is not like the sample. A list in the sample stands
// for all its elements together.
func compare(path string, ours, sample any, allow string) []string {
	switch o := ours.(type) {
	case map[string]any:
		s, ok := sample.(map[string]any)
		if !ok {
			return []string{path + " is an object here"}
		}
		var faults []string
		for name, v := range o {
			at := strings.TrimPrefix(path+"."+name, ".")
			w, known := s[name]
			switch {
			case strings.Contains(" "+allow+" ", " "+at+" "):
			case !known:
				faults = append(faults, at+" is not in the sample")
			default:
				faults = append(faults, compare(at, v, w, allow)...)
			}
		}
		return faults
	case []any:
		s, ok := sample.([]any)
		if !ok {
			return []string{path + " is a list here"}
		}
		var faults []string
		for _, v := range o {
			faults = append(faults, compare(path, v, union(s), allow)...)
		}
		return faults
	case nil:
		return nil // Slack has null for most of what is absent
	}
	if fmt.Sprintf("%T", ours) != fmt.Sprintf("%T", sample) {
		return []string{fmt.Sprintf("%s is %T here and %T in the sample", path, ours, sample)}
	}
	return nil
}

func TestCompareBites(t *testing.T) {
	sample := map[string]any{"a": "x", "list": []any{map[string]any{"b": 1.0}, map[string]any{"c": true}}}
	for want, ours := range map[string]any{
		"":                            map[string]any{"a": "y", "list": []any{map[string]any{"b": 2.0, "c": false}}, "extra": 1},
		"z is not in the sample":      map[string]any{"z": 1},
		"list.d is not in the sample": map[string]any{"list": []any{map[string]any{"d": 1}}},
		"a is bool here and string in the sample": map[string]any{"a": true},
		"a is an object here":                     map[string]any{"a": map[string]any{}},
		"a is a list here":                        map[string]any{"a": []any{}},
	} {
		if got := strings.Join(compare("", ours, sample, "extra"), "; "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// union merges the elements of a list into one that has all members.
func union(list []any) any {
	merged := map[string]any{}
	for _, v := range list {
		m, ok := v.(map[string]any)
		if !ok {
			return v
		}
		for name, member := range m {
			if old, both := merged[name]; both {
				if a, ok := old.([]any); ok {
					if b, ok := member.([]any); ok {
						member = append(append([]any{}, a...), b...)
					}
				}
			}
			merged[name] = member
		}
	}
	return merged
}

func has(v any, path []string) bool {
	for _, name := range path {
		if list, ok := v.([]any); ok && len(list) > 0 {
			v = list[0]
		}
		m, ok := v.(map[string]any)
		if !ok {
			return false
		}
		if v, ok = m[name]; !ok {
			return false
		}
	}
	return true
}
