//go:build !release

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/bot/chat"
	"rekey/internal/finding"
	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
)

func uninvited(c *slack.Channel) { c.BotIn = false }

// says makes a method of Slack answer so.
func says(method, body string) func(*testing.T, *sandbox.World) {
	return func(_ *testing.T, w *sandbox.World) {
		w.Slack.Faults.Inject(method, wire.Fault{Match: wire.Match{Path: "/api/" + method}, Do: wire.Answer(http.StatusOK, http.Header{"Content-Type": {"application/json"}}, body)})
	}
}

// altered lets a server answer and changes the headers.
func altered(change func(http.Header)) wire.Action {
	return func(t wire.Turn) {
		got := httptest.NewRecorder()
		t.Next.ServeHTTP(got, t.R)
		for name, values := range got.Header() {
			t.W.Header()[name] = values
		}
		change(t.W.Header())
		t.W.WriteHeader(got.Code)
		_, _ = t.W.Write(got.Body.Bytes())
	}
}

func anHourAgo(h http.Header) {
	h.Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
}

// timeless sends no date: a nil value keeps net/http from adding one.
func timeless(h http.Header) { h["Date"] = nil }

// without is the app installed without one scope.
func without(scope string) func(*testing.T, *sandbox.World) {
	return func(_ *testing.T, w *sandbox.World) {
		w.Slack.SetScopes(slices.DeleteFunc(slack.DefaultScopes(), func(s string) bool { return s == scope })...)
	}
}

func channel(change func(*slack.Channel)) func(*testing.T, *sandbox.World) {
	return func(_ *testing.T, w *sandbox.World) { w.Slack.ChangeChannel(sandbox.Channel, change) }
}

func approvers(users ...string) func(*testing.T, *sandbox.World) {
	return func(_ *testing.T, w *sandbox.World) {
		w.Slack.ChangeGroup(sandbox.Approvers, func(g *slack.Group) { g.Users = users })
	}
}

// crowd is more people than anybody should be asked about.
func crowd(_ *testing.T, w *sandbox.World) {
	var ids []string
	for i := range 41 {
		ids = append(ids, fmt.Sprintf("U0CROWD%d", i))
	}
	w.Slack.ChangeGroup(sandbox.Approvers, func(g *slack.Group) { g.Users = ids })
}

// digested adds a digest to the configuration.
func digested(more string) func(string) string {
	return func(config string) string {
		return config + "\nannounce: {cron: \"0 9 * * *\", " + more + "}\n"
	}
}

// replaced changes one text of the configuration.
func replaced(old, text string) func(string) string {
	return func(config string) string { return mustReplace(config, old, text) }
}

const (
	starterList = "starters: {users: [" + sandbox.Requester + "]}"
	closedPort  = "http://127.0.0.1:1"
)

func sickSlack() []illness {
	group := "Approvers of ANTHROPIC_API_KEY, FAL_KEY" // the same people, asked about once
	return []illness{
		{name: "tokens in each other's place", files: map[string]string{"slack-app": "xoxb-1-x", "slack-bot": "xapp-1-x"},
			looked: "Kind of the Slack bot token", verdict: finding.Wrong, found: "does not begin with xoxb-"},
		{name: "dead bot token", world: func(_ *testing.T, w *sandbox.World) { w.Slack.RevokeTokens() },
			looked: "Slack bot token", verdict: finding.Wrong, found: "token_revoked"},
		{name: "another app-level token", files: map[string]string{"slack-app": "xapp-1-other"},
			looked: "Slack app-level token", verdict: finding.Wrong, found: "invalid_auth"},
		{name: "app-level token without its scope", world: says("apps.connections.open", `{"ok":false,"error":"missing_scope","needed":"connections:write","provided":""}`),
			looked: "Slack app-level token", verdict: finding.Wrong, found: "The scope connections:write is missing."},
		{name: "scope missing", world: without("reactions:write"),
			looked: "Scopes of the Slack bot token", verdict: finding.Wrong, found: "Missing: reactions:write."},
		{name: "scope missing that is needed to look", world: without("users:read"),
			looked: group, verdict: finding.Wrong, found: "The scope users:read is missing."},
		{name: "history without its scope", config: replaced("  channel: ", "  history: true\n  channel: "),
			looked: "Scopes of the Slack bot token", verdict: finding.Wrong, found: "channels:history"},
		{name: "scopes not told", world: func(_ *testing.T, w *sandbox.World) {
			w.Slack.Faults.Inject("mute", wire.Fault{Match: wire.Match{Path: "/api/auth.test"}, Do: altered(func(h http.Header) { h.Del("X-OAuth-Scopes") })})
		}, looked: "Scopes of the Slack bot token", verdict: finding.Unclear, found: "did not tell"},
		{name: "another clock", world: func(_ *testing.T, w *sandbox.World) {
			w.Slack.Faults.Inject("clock", wire.Fault{Match: wire.Match{Path: "/api/auth.test"}, Do: altered(anHourAgo)})
		}, looked: "Clock of Slack", verdict: finding.Wrong, found: "from ours"},
		{name: "no clock", world: func(_ *testing.T, w *sandbox.World) {
			w.Slack.Faults.Inject("clock", wire.Fault{Match: wire.Match{Path: "/api/auth.test"}, Do: altered(timeless)})
		}, looked: "Clock of Slack", verdict: finding.Unclear, found: "names no time"},
		{name: "not in the channel", world: channel(uninvited),
			looked: "Channel " + sandbox.Channel, verdict: finding.Wrong, found: "The bot is not in it."},
		{name: "archived channel", world: channel(func(c *slack.Channel) { c.Archived = true }),
			looked: "Channel " + sandbox.Channel, verdict: finding.Wrong, found: "It is archived."},
		{name: "shared channel", world: channel(func(c *slack.Channel) { c.ExtShared = true }),
			looked: "Channel " + sandbox.Channel + ", sharing", verdict: finding.Wrong, found: "shared with another company"},
		{name: "another company invited", world: channel(func(c *slack.Channel) { c.Invited = true }),
			looked: "Channel " + sandbox.Channel + ", sharing", verdict: finding.Wrong, found: "about to be shared with another company"},
		{name: "digests for another company", config: digested("channel: C0DIGEST"), world: func(_ *testing.T, w *sandbox.World) {
			w.Slack.AddChannel(slack.Channel{ID: "C0DIGEST", Name: "digests", BotIn: true, ExtShared: true})
		}, looked: "Channel C0DIGEST of the digests, sharing", verdict: finding.Wrong, found: "digests name secrets there"},
		{name: "history of a private channel", config: replaced("  channel: ", "  history: true\n  channel: "), world: func(_ *testing.T, w *sandbox.World) {
			w.Slack.SetScopes(append(slack.DefaultScopes(), "channels:history")...)
			w.Slack.ChangeChannel(sandbox.Channel, func(c *slack.Channel) { c.Private = true })
		}, looked: "Scopes of the Slack bot token", verdict: finding.Wrong, found: "Missing: groups:history."},
		{name: "history of a public channel", config: replaced("  channel: ", "  history: true\n  channel: "), world: func(_ *testing.T, w *sandbox.World) {
			w.Slack.SetScopes(append(slack.DefaultScopes(), "channels:history")...)
		}, looked: "Scopes of the Slack bot token", verdict: finding.OK, found: "All that are needed are there."},
		{name: "not in the channel of the digests", config: digested("channel: C0DIGEST"), world: func(_ *testing.T, w *sandbox.World) {
			w.Slack.AddChannel(slack.Channel{ID: "C0DIGEST", Name: "digests"})
		}, looked: "Channel C0DIGEST of the digests", verdict: finding.Wrong, found: "The bot is not in it."},
		{name: "unknown channel of the digests", config: digested("channel: C0NOWHERE"),
			looked: "Channel C0NOWHERE of the digests", verdict: finding.Wrong, found: "channel_not_found"},
		{name: "unknown channel", config: replaced("channel: "+sandbox.Channel, "channel: C0NOWHERE"),
			looked: "Channel C0NOWHERE", verdict: finding.Wrong, found: "channel_not_found"},
		{name: "a word nobody explains", world: says("conversations.info", `{"ok":false,"error":"team_access_not_granted"}`),
			looked: "Channel " + sandbox.Channel, verdict: finding.Wrong, found: "team_access_not_granted"},
		{name: "unknown group", config: replaced("group: "+sandbox.Approvers, "group: S0NOWHERE"),
			looked: group, verdict: finding.Wrong, found: "no_such_subteam"},
		{name: "no user groups", world: says("usergroups.users.list", `{"ok":false,"error":"plan_upgrade_required"}`),
			looked: group, verdict: finding.Wrong, found: "plan_upgrade_required"},
		{name: "nobody who counts", world: approvers(sandbox.Guest, sandbox.Robot, sandbox.Outsider, "U0GONE"),
			looked: group, verdict: finding.Wrong, found: "0 of 4 are full members; the quorum is 1. Not counted: U0EVAGUEST (guest), U0FIXBOT (bot), U0GILEXT (external), U0GONE (unknown)."},
		{name: "the requester alone", world: approvers(sandbox.Requester, sandbox.Guest),
			looked: group, verdict: finding.Wrong, found: "of whom one may be the requester"},
		{name: "a group too large", world: crowd,
			looked: group, verdict: finding.Unclear, found: "too many to ask"},
		{name: "slowed down", world: func(_ *testing.T, w *sandbox.World) {
			w.Slack.Faults.Inject("slow", wire.Fault{Match: wire.Match{Path: "/api/users.info"}, Do: wire.TooMany(time.Hour, `{}`)})
		}, looked: group, verdict: finding.Unclear, found: "answered to slow down"},
		{name: "unknown starters", config: replaced(starterList, "starters: {group: S0NOWHERE}"),
			looked: "Starters", verdict: finding.Wrong, found: "no_such_subteam"},
		{name: "no starters", config: replaced(starterList, "starters: {group: S0NOBODY}"), world: func(_ *testing.T, w *sandbox.World) {
			w.Slack.AddGroup(slack.Group{ID: "S0NOBODY", Name: "nobody"})
		}, looked: "Starters", verdict: finding.Wrong, found: "Nobody is in the group."},
		{name: "a group of starters", config: replaced(starterList, "starters: {group: "+sandbox.Approvers+"}"),
			looked: "Starters", verdict: finding.OK, found: "2 people may start rotations."},
		{name: "no Slack", config: func(config string) string {
			at, rest, _ := strings.Cut(config, "api_url: ")
			_, rest, _ = strings.Cut(rest, "\n")
			return at + "api_url: " + closedPort + "/api/\n" + rest
		}, looked: "Slack bot token", verdict: finding.Wrong, found: "could not be reached"},
		{name: "something else than Slack", world: says("auth.test", `{"ok":true}`),
			looked: "Slack bot token", verdict: finding.Unclear, found: "nothing that can be used"},
	}
}

// TestScopesAreTheManifests: what the doctor asks for, the app is given, and
// the local Slack has.
func TestScopesAreTheManifests(t *testing.T) {
	var m manifest
	unpacked(t, "slack-manifest.yaml", &m)
	var given []string
	for _, n := range m.OAuth.Scopes.Bot {
		given = append(given, n.Value)
	}
	same(t, "scopes, of which chat.Scopes tells the doctor", chat.Scopes(), given)
	for _, need := range chat.Scopes() {
		if !slices.Contains(slack.DefaultScopes(), need) {
			t.Errorf("the local Slack does not give %s", need)
		}
	}
}
