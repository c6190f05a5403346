package slack_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	slackgo "github.com/slack-go/slack"

	"rekey/internal/sandbox/slack"
)

func button(id, value string) slackgo.Block {
	return slackgo.NewActionBlock("", slackgo.NewButtonBlockElement(id, value,
		slackgo.NewTextBlockObject(slackgo.PlainTextType, "Press", false, false)))
}

func section(text string) slackgo.Block {
	return slackgo.NewSectionBlock(slackgo.NewTextBlockObject(slackgo.MarkdownType, text, false, false), nil, nil)
}

func TestAuthTest(t *testing.T) {
	w := start(t, slack.Config{})
	who, err := w.api.AuthTestContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if who.TeamID != "T0SANDBOX" || who.UserID != "U0BOT" || who.BotID != "B0BOT" {
		t.Errorf("auth.test says %+v", who)
	}
	if got := who.Header.Get("X-OAuth-Scopes"); !strings.Contains(got, "chat:write") {
		t.Errorf("scope header %q", got)
	}
}

func TestTokens(t *testing.T) {
	w := start(t, slack.Config{Scopes: []string{"chat:write"}})
	for code, api := range map[string]*slackgo.Client{
		"not_authed":             w.client("", ""),
		"invalid_auth":           w.client("xoxb-else", "xapp-else"),
		"not_allowed_token_type": w.client(appToken, botToken),
	} {
		_, err := api.AuthTestContext(t.Context())
		wantCode(t, err, code)
		_, _, err = api.StartSocketModeContext(t.Context())
		wantCode(t, err, code)
	}
	_, err := w.api.GetUserInfoContext(t.Context(), ann)
	if missing := wantCode(t, err, "missing_scope"); missing.Needed != "users:read" || missing.Provided != "chat:write" {
		t.Errorf("needed %q provided %q", missing.Needed, missing.Provided)
	}
	w.RevokeTokens()
	_, err = w.api.AuthTestContext(t.Context())
	wantCode(t, err, "token_revoked")
}

// TestWaysToPassArguments sends the same call as form, JSON with header, JSON
// with the token inside, and query.
func TestWaysToPassArguments(t *testing.T) {
	w := start(t, slack.Config{})
	for name, c := range map[string]struct{ method, query, kind, auth, body string }{
		"form":        {"POST", "", "application/x-www-form-urlencoded", "", "token=" + botToken + "&user=" + ann},
		"JSON header": {"POST", "", "application/json; charset=utf-8", "Bearer " + botToken, `{"user":"` + ann + `"}`},
		"JSON inside": {"POST", "", "application/json", "", `{"token":"` + botToken + `","user":"` + ann + `"}`},
		"query":       {"GET", "?user=" + ann, "", "Bearer " + botToken, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := call(t, w, c.method, "users.info"+c.query, c.kind, c.auth, c.body)
			if !strings.Contains(got, `"ok":true`) || !strings.Contains(got, `"Ann Example"`) {
				t.Errorf("answer %s", got)
			}
		})
	}
	for body, code := range map[string]string{"[1]": "json_not_object", "{": "invalid_json"} {
		if got := call(t, w, "POST", "users.info", "application/json", "Bearer "+botToken, body); !strings.Contains(got, code) {
			t.Errorf("body %s: answer %s, want %s", body, got, code)
		}
	}
	if got := call(t, w, "POST", "chat.dance", "", "Bearer "+botToken, ""); !strings.Contains(got, "unknown_method") {
		t.Errorf("answer %s, want unknown_method", got)
	}
	if got := call(t, w, "POST", "apps.connections.open", "application/x-www-form-urlencoded", "", "token="+appToken); !strings.Contains(got, "not_authed") {
		t.Errorf("answer %s: the app-level token belongs in the header", got)
	}
}

func call(t *testing.T, w *world, verb, method, kind, auth, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), verb, w.url+"/api/"+method, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", auth)
	return answer(t, r)
}

func TestPostReplyUpdateDelete(t *testing.T) {
	w := start(t, slack.Config{})
	root := w.post(t, "root", slackgo.MsgOptionBlocks(section("*root*"), button("go", "7")),
		slackgo.MsgOptionMetadata(slackgo.SlackMetadata{EventType: "rotation", EventPayload: map[string]any{"id": "r1"}}))
	reply := w.post(t, "reply", slackgo.MsgOptionTS(root))
	if got := texts(w.Thread(ops, root)); got != "root|reply" {
		t.Errorf("thread %q", got)
	}
	before, _ := w.Message(ops, root)
	if a := before.Actions(); len(a) != 1 || a[0].ActionID != "go" || a[0].Value != "7" || a[0].BlockID == "" {
		t.Errorf("actions %+v", a)
	}

	_, _, _, err := w.api.UpdateMessageContext(t.Context(), ops, root, slackgo.MsgOptionText("done", false))
	if err != nil {
		t.Fatal(err)
	}
	after, _ := w.Message(ops, root)
	if after.Text != "done" || after.Blocks != nil || after.Metadata == nil || after.Edits != 1 {
		t.Errorf("text without blocks left %+v", after)
	}

	if _, _, err := w.api.DeleteMessageContext(t.Context(), ops, root); err != nil {
		t.Fatal(err)
	}
	if got := texts(w.Messages(ops)); got != "reply" {
		t.Errorf("after deleting the root: %q", got)
	}
	_, _, m, err := w.api.PostMessageWithResponseContext(t.Context(), ops, slackgo.MsgOptionText("orphan", false), slackgo.MsgOptionTS(root))
	if err != nil || m.ThreadTimestamp != "" {
		t.Errorf("a reply to a deleted root: thread %q, %v; want it un-threaded", m.ThreadTimestamp, err)
	}
	_, _, err = w.api.PostMessageContext(t.Context(), ops, slackgo.MsgOptionText("x", false), slackgo.MsgOptionTS(reply))
	wantCode(t, err, "cannot_reply_to_message")
}

func TestMessageRefusals(t *testing.T) {
	w := start(t, slack.Config{})
	mine := w.post(t, "mine")
	theirs, err := w.Say(ann, ops, "", "theirs")
	if err != nil {
		t.Fatal(err)
	}
	w.AddChannel(slack.Channel{ID: "C0OPEN", Name: "open"})
	w.AddChannel(slack.Channel{ID: "C0HIDDEN", Name: "hidden", Private: true})
	w.AddChannel(slack.Channel{ID: "C0OLD", Name: "old", BotIn: true, Archived: true})
	w.AddChannel(slack.Channel{ID: "C0NEWS", Name: "news", BotIn: true, ReadOnly: true})

	text := slackgo.MsgOptionText("x", false)
	for channel, code := range map[string]string{
		"C0OPEN": "not_in_channel", "C0HIDDEN": "channel_not_found", "C0NONE": "channel_not_found",
		"C0OLD": "is_archived", "C0NEWS": "restricted_action",
	} {
		_, _, err := w.api.PostMessageContext(t.Context(), channel, text)
		wantCode(t, err, code)
	}
	for _, c := range []struct {
		ts, code string
		opt      slackgo.MsgOption
	}{
		{theirs, "cant_update_message", text},
		{"1.000000", "message_not_found", text},
		{mine, "msg_too_long", slackgo.MsgOptionText(strings.Repeat("é", 4001), false)},
		{mine, "no_text", slackgo.MsgOptionText("", false)},
	} {
		_, _, _, err := w.api.UpdateMessageContext(t.Context(), ops, c.ts, c.opt)
		wantCode(t, err, c.code)
	}
	if _, _, _, err := w.api.UpdateMessageContext(t.Context(), ops, mine, slackgo.MsgOptionText(strings.Repeat("é", 4000), false)); err != nil {
		t.Errorf("4000 characters: %v", err)
	}
	_, _, err = w.api.DeleteMessageContext(t.Context(), ops, theirs)
	wantCode(t, err, "cant_delete_message")

	w.ChangeChannel(ops, func(c *slack.Channel) { c.Archived = true })
	_, _, _, err = w.api.UpdateMessageContext(t.Context(), ops, mine, text)
	wantCode(t, err, "is_inactive")

	long := strings.Repeat("é", 40001)
	w.ChangeChannel(ops, func(c *slack.Channel) { c.Archived = false })
	ts := w.post(t, long)
	if m, _ := w.Message(ops, ts); len([]rune(m.Text)) != 40000 {
		t.Errorf("a text of 40001 was stored with %d", len([]rune(m.Text)))
	}
}

func TestInvalidBlocksSayWhere(t *testing.T) {
	w := start(t, slack.Config{})
	_, _, err := w.api.PostMessageContext(t.Context(), ops, slackgo.MsgOptionText("gist", false),
		slackgo.MsgOptionBlocks(section("fine"), section(strings.Repeat("x", 3001))))
	refused := wantCode(t, err, "invalid_blocks")
	want := []string{"[ERROR] must be less than 3001 characters [json-pointer:/blocks/1/text/text]"}
	if diff := cmp.Diff(want, refused.ResponseMetadata.Messages); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if len(w.Messages(ops)) != 0 {
		t.Error("a refused message was posted")
	}
}

func TestEphemeralAndDirectMessage(t *testing.T) {
	w := start(t, slack.Config{})
	if _, err := w.api.PostEphemeralContext(t.Context(), ops, ann, slackgo.MsgOptionText("psst", false)); err != nil {
		t.Fatal(err)
	}
	if got := w.Ephemerals(ann); len(got) != 1 || got[0].Text != "psst" || got[0].Via != slack.ViaMethod {
		t.Errorf("ann saw %+v", got)
	}
	if len(w.Messages(ops)) != 0 || len(w.Ephemerals(bob)) != 0 {
		t.Error("somebody else saw it, too")
	}
	_, err := w.api.PostEphemeralContext(t.Context(), ops, "U0NOBODY", slackgo.MsgOptionText("psst", false))
	wantCode(t, err, "user_not_in_channel")
	_, _, _, err = w.api.UpdateMessageContext(t.Context(), ops, w.Ephemerals(ann)[0].TS, slackgo.MsgOptionText("x", false))
	wantCode(t, err, "message_not_found")

	channel, _, err := w.api.PostMessageContext(t.Context(), ann, slackgo.MsgOptionText("hello", false))
	if err != nil || channel != "D0ANN" || texts(w.Messages("D0ANN")) != "hello" {
		t.Errorf("posting to a user: channel %q, %v", channel, err)
	}
}

func TestReactions(t *testing.T) {
	w := start(t, slack.Config{})
	ts := w.post(t, "approve?")
	ref := slackgo.NewRefToMessage(ops, ts)
	if err := w.api.AddReactionContext(t.Context(), "white_check_mark", ref); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.api.AddReactionContext(t.Context(), "white_check_mark", ref), "already_reacted")
	wantCode(t, w.api.AddReactionContext(t.Context(), ":x:", ref), "invalid_name")
	wantCode(t, w.api.AddReactionContext(t.Context(), "x", slackgo.NewRefToMessage(ops, "1.0")), "message_not_found")
	wantCode(t, w.api.RemoveReactionContext(t.Context(), "x", ref), "no_reaction")

	if err := w.React(ann, ops, ts, "white_check_mark"); err != nil {
		t.Fatal(err)
	}
	if err := w.React(bob, ops, ts, "+1::skin-tone-3"); err != nil {
		t.Fatal(err)
	}
	if err := w.React(ann, ops, ts, "white_check_mark"); err == nil || err.Error() != "already_reacted" {
		t.Errorf("a second time: %v", err)
	}

	full, err := w.api.GetReactionsContext(t.Context(), ref, slackgo.GetReactionsParameters{Full: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []slackgo.ItemReaction{
		{Name: "white_check_mark", Count: 2, Users: []string{"U0BOT", ann}},
		{Name: "+1::skin-tone-3", Count: 1, Users: []string{bob}},
	}
	if diff := cmp.Diff(want, full.Reactions); diff != "" {
		t.Errorf("reactions (-want +got):\n%s", diff)
	}
	brief, err := w.api.GetReactionsContext(t.Context(), ref, slackgo.GetReactionsParameters{})
	if err != nil || brief.Reactions[0].Count != 2 || len(brief.Reactions[0].Users) != 1 {
		t.Errorf("without full: %+v, %v; want a count of 2 and one name", brief.Reactions, err)
	}

	if err := w.Unreact(ann, ops, ts, "white_check_mark"); err != nil {
		t.Fatal(err)
	}
	if m, _ := w.Message(ops, ts); m.Reacted(ann, "white_check_mark") || !m.Reacted("U0BOT", "white_check_mark") {
		t.Errorf("after ann took hers back: %+v", m.Reactions)
	}
	if err := w.Remove(ops, ts); err != nil {
		t.Fatal(err)
	}
	_, err = w.api.GetReactionsContext(t.Context(), ref, slackgo.GetReactionsParameters{Full: true})
	wantCode(t, err, "message_not_found")
}

func TestWhoAndWhere(t *testing.T) {
	w := start(t, slack.Config{})
	w.AddUser(slack.User{ID: "U0GUEST", Name: "gus", SingleGuest: true})
	w.AddUser(slack.User{ID: "U0OUT", Name: "out", TeamID: "T0OTHER", Stranger: true, EnterpriseID: "E1", Teams: []string{"T0OTHER"}})
	w.ChangeUser(bob, func(u *slack.User) { u.Deleted = true })

	flags := func(id string) [6]bool {
		u, err := w.api.GetUserInfoContext(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return [6]bool{u.Deleted, u.IsBot, u.IsRestricted, u.IsUltraRestricted, u.IsStranger, u.TeamID == "T0SANDBOX"}
	}
	for id, want := range map[string][6]bool{
		ann:         {5: true},
		bob:         {0: true, 5: true},
		"U0BOT":     {1: true, 5: true},
		"USLACKBOT": {5: true},
		"U0GUEST":   {2: true, 3: true, 5: true},
		"U0OUT":     {4: true},
	} {
		if got := flags(id); got != want {
			t.Errorf("%s: deleted, bot, restricted, ultra, stranger, ours = %v, want %v", id, got, want)
		}
	}
	_, err := w.api.GetUserInfoContext(t.Context(), "U0NOBODY")
	wantCode(t, err, "user_not_found")

	members, err := w.api.GetUserGroupMembersContext(t.Context(), "S0APPROVERS")
	if err != nil || !slices.Equal(members, []string{ann}) {
		t.Errorf("group has %v, %v; want ann, bob being deactivated", members, err)
	}
	w.ChangeGroup("S0APPROVERS", func(g *slack.Group) { g.Users = nil })
	if members, err = w.api.GetUserGroupMembersContext(t.Context(), "S0APPROVERS"); err != nil || len(members) != 0 {
		t.Errorf("emptied group has %v, %v", members, err)
	}
	_, err = w.api.GetUserGroupMembersContext(t.Context(), "S0NONE")
	wantCode(t, err, "no_such_subteam")

	w.ChangeChannel(ops, func(c *slack.Channel) { c.ExtShared = true })
	info, err := w.api.GetConversationInfoContext(t.Context(), &slackgo.GetConversationInfoInput{ChannelID: ops})
	if err != nil || !info.IsExtShared || !info.IsMember || info.IsArchived || info.IsPrivate {
		t.Errorf("channel %+v, %v", info, err)
	}
	w.ChangeChannel(ops, func(c *slack.Channel) { c.ExtShared, c.Invited = false, true })
	info, err = w.api.GetConversationInfoContext(t.Context(), &slackgo.GetConversationInfoInput{ChannelID: ops})
	if err != nil || info.IsExtShared || !info.IsPendingExtShared {
		t.Errorf("channel %+v, %v", info, err)
	}
	w.AddChannel(slack.Channel{ID: "C0HIDDEN", Private: true})
	_, err = w.api.GetConversationInfoContext(t.Context(), &slackgo.GetConversationInfoInput{ChannelID: "C0HIDDEN"})
	wantCode(t, err, "channel_not_found")
}

func TestHistoryNeedsItsScope(t *testing.T) {
	w := start(t, slack.Config{})
	_, err := w.api.GetConversationHistoryContext(t.Context(), &slackgo.GetConversationHistoryParameters{ChannelID: ops})
	if missing := wantCode(t, err, "missing_scope"); missing.Needed != "channels:history" {
		t.Errorf("needed %q", missing.Needed)
	}
}

func TestHistoryRepliesAndPermalink(t *testing.T) {
	w := start(t, slack.Config{Scopes: append(slack.DefaultScopes(), "channels:history")})
	root := w.post(t, "a", slackgo.MsgOptionMetadata(slackgo.SlackMetadata{EventType: "e"}))
	w.post(t, "a1", slackgo.MsgOptionTS(root))
	w.post(t, "a2", slackgo.MsgOptionTS(root), slackgo.MsgOptionBroadcast())
	w.post(t, "b")

	h, err := w.api.GetConversationHistoryContext(t.Context(), &slackgo.GetConversationHistoryParameters{ChannelID: ops, Limit: 2, IncludeAllMetadata: true})
	if err != nil || !h.HasMore || len(h.Messages) != 2 || h.Messages[0].Text != "b" || h.Messages[1].Text != "a2" {
		t.Fatalf("first page %+v, %v", h, err)
	}
	h, err = w.api.GetConversationHistoryContext(t.Context(), &slackgo.GetConversationHistoryParameters{
		ChannelID: ops, Limit: 2, Cursor: h.ResponseMetaData.NextCursor, IncludeAllMetadata: true})
	if err != nil || h.HasMore || len(h.Messages) != 1 || h.Messages[0].Metadata.EventType != "e" {
		t.Fatalf("second page %+v, %v", h, err)
	}
	h, err = w.api.GetConversationHistoryContext(t.Context(), &slackgo.GetConversationHistoryParameters{ChannelID: ops, Latest: root, Inclusive: true})
	if err != nil || len(h.Messages) != 1 || h.Messages[0].Metadata.EventType != "" {
		t.Fatalf("up to the root, metadata not asked for: %+v, %v", h, err)
	}
	replies, _, _, err := w.api.GetConversationRepliesContext(t.Context(), &slackgo.GetConversationRepliesParameters{ChannelID: ops, Timestamp: root})
	if err != nil || len(replies) != 3 || replies[0].Text != "a" || replies[0].ReplyCount != 2 {
		t.Fatalf("thread %+v, %v", replies, err)
	}
	link, err := w.api.GetPermalinkContext(t.Context(), &slackgo.PermalinkParameters{Channel: ops, Ts: replies[1].Timestamp})
	if err != nil || !strings.HasPrefix(link, "https://sandbox.slack.com/archives/C0OPS/p") || !strings.Contains(link, "thread_ts="+root) {
		t.Errorf("permalink %q, %v", link, err)
	}
}

func TestInjectedFaults(t *testing.T) {
	w := start(t, slack.Config{})
	w.RateLimit("chat.postMessage", 1, 1)
	w.Refuse("users.info", 2, "internal_error")
	_, _, err := w.api.PostMessageContext(t.Context(), ops, slackgo.MsgOptionText("x", false))
	if limited, ok := errors.AsType[*slackgo.RateLimitedError](err); !ok || limited.RetryAfter.Seconds() != 1 {
		t.Errorf("got %v, want a rate limit of a second", err)
	}
	w.post(t, "x")
	for range 2 {
		_, err = w.api.GetUserInfoContext(t.Context(), ann)
		wantCode(t, err, "internal_error")
	}
	if _, err = w.api.GetUserInfoContext(t.Context(), ann); err != nil {
		t.Error(err)
	}
}

func TestRecordHoldsNoOwnTokenButAllElse(t *testing.T) {
	w := start(t, slack.Config{})
	w.post(t, "the secret hunter2:abc")
	w.post(t, "my token is "+botToken)
	if _, _, err := w.api.StartSocketModeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	call(t, w, "POST", "users.info", "application/json", "", `{"token":"`+botToken+`","user":"U1"}`)
	_, _ = w.client("xoxb-not-ours", "").AuthTestContext(t.Context())

	var own, secret, foreign int
	for q := range w.Requests.All() {
		raw := string(q.Raw())
		own += strings.Count(string(q.Body), botToken) + strings.Count(raw, appToken)
		secret += strings.Count(raw, "hunter2:abc")
		foreign += strings.Count(string(q.Body), "xoxb-not-ours")
	}
	if own != 1 || secret != 1 || foreign != 1 {
		t.Errorf("own token %d times (want 1: in the text), secret %d (want 1), foreign token %d (want 1)", own, secret, foreign)
	}
}
