package chat

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/rotation"
)

// Who reacts how, and what comes of it. The requester is U0ANNA, who is also
// an approver; U0BEN and U0CARA are in the approver group; U0DAN is a member
// and nothing else.
func TestWhoseReactionsCount(t *testing.T) {
	type reactions map[string][]string
	tests := map[string]struct {
		reactions reactions
		world     func(w *world)
		want      rotation.CardState
		refused   string // ids of people who are told why
		mistaken  string
	}{
		"nobody":                     {want: rotation.CardOpen},
		"our own seeds":              {reactions: reactions{"white_check_mark": {us}, "x": {us}}, want: rotation.CardOpen},
		"an approver":                {reactions: reactions{"white_check_mark": {us, "U0BEN"}}, want: rotation.CardApproved},
		"a veto":                     {reactions: reactions{"x": {us, "U0BEN"}}, want: rotation.CardDenied},
		"a veto beats approvals":     {reactions: reactions{"white_check_mark": {"U0BEN"}, "x": {"U0CARA"}}, want: rotation.CardDenied},
		"yes and no by one person":   {reactions: reactions{"white_check_mark": {"U0BEN"}, "x": {"U0BEN"}}, want: rotation.CardDenied},
		"the requester":              {reactions: reactions{"white_check_mark": {"U0ANNA"}}, want: rotation.CardOpen, refused: "T1/U0ANNA"},
		"the requester's veto":       {reactions: reactions{"x": {"U0ANNA"}}, want: rotation.CardDenied},
		"the requester, allowed":     {reactions: reactions{"white_check_mark": {"U0ANNA"}}, world: func(w *world) { w.engine.policy.SelfApproval = true }, want: rotation.CardApproved},
		"a member off the list":      {reactions: reactions{"white_check_mark": {"U0DAN"}}, want: rotation.CardOpen, refused: "T1/U0DAN"},
		"a stranger's veto":          {reactions: reactions{"x": {"U0DAN"}}, want: rotation.CardOpen, refused: "T1/U0DAN"},
		"quorum of two, one":         {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: func(w *world) { w.engine.policy.Quorum = 2 }, want: rotation.CardOpen},
		"quorum of two, both":        {reactions: reactions{"white_check_mark": {"U0BEN", "U0CARA"}}, world: func(w *world) { w.engine.policy.Quorum = 2 }, want: rotation.CardApproved},
		"two tones are one person":   {reactions: reactions{"white_check_mark": {"U0BEN"}, "white_check_mark::skin-tone-3": {"U0BEN"}}, world: func(w *world) { w.engine.policy.Quorum = 2 }, want: rotation.CardOpen},
		"a skin tone":                {reactions: reactions{"white_check_mark::skin-tone-6": {"U0BEN"}}, want: rotation.CardApproved},
		"a heavy check mark":         {reactions: reactions{"heavy_check_mark": {"U0BEN"}}, want: rotation.CardOpen, mistaken: "U0BEN"},
		"a ballot box":               {reactions: reactions{"ballot_box_with_check": {"U0BEN"}}, want: rotation.CardOpen, mistaken: "U0BEN"},
		"a boxed cross":              {reactions: reactions{"negative_squared_cross_mark": {"U0BEN"}}, want: rotation.CardOpen, mistaken: "U0BEN"},
		"a thumb with a tone":        {reactions: reactions{"+1::skin-tone-2": {"U0BEN"}}, want: rotation.CardOpen, mistaken: "U0BEN"},
		"a custom look-alike":        {reactions: reactions{"white_check_mark2": {"U0BEN"}, "white-check-mark": {"U0BEN"}}, want: rotation.CardOpen},
		"a thumb beside the mark":    {reactions: reactions{"+1": {"U0BEN"}, "white_check_mark": {"U0BEN"}}, want: rotation.CardApproved},
		"a guest on the list":        {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: user("U0BEN", "is_restricted", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"a single-channel guest":     {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: user("U0BEN", "is_ultra_restricted", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"a bot on the list":          {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: user("U0BEN", "is_bot", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"a workflow bot":             {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: user("U0BEN", "is_workflow_bot", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"a connector bot":            {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: user("U0BEN", "is_connector_bot", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"somebody deactivated":       {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: user("U0BEN", "deleted", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"a guest's veto":             {reactions: reactions{"x": {"U0BEN"}}, world: user("U0BEN", "is_restricted", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"another workspace":          {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: user("U0BEN", "team_id", "T9"), want: rotation.CardOpen, refused: "T9/U0BEN"},
		"no workspace at all":        {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: user("U0BEN", "team_id", ""), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"a stranger by Slack's word": {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: user("U0BEN", "is_stranger", true), want: rotation.CardOpen, refused: "T1/U0BEN"},
		"somebody Slack knows not":   {reactions: reactions{"white_check_mark": {"U0GHOST"}}, want: rotation.CardOpen, refused: "?/U0GHOST"},
		"Slackbot": {reactions: reactions{"white_check_mark": {"USLACKBOT"}}, world: func(w *world) {
			w.slack.users["USLACKBOT"] = map[string]any{"id": "USLACKBOT", "team_id": "T1"}
			w.slack.groups["S0SECOPS"] = []string{"USLACKBOT"}
		}, want: rotation.CardOpen, refused: "T1/USLACKBOT"},
		"our organisation, our workspace": {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: enterprise("E1", "T1"), want: rotation.CardApproved},
		"our organisation, not ours":      {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: enterprise("E1", "T8"), want: rotation.CardOpen, refused: "E1/U0BEN"},
		"another organisation":            {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: enterprise("E2", "T1"), want: rotation.CardOpen, refused: "E1/U0BEN"},
		"listed by the global id": {reactions: reactions{"white_check_mark": {"U0DAN"}}, world: func(w *world) {
			w.slack.users["U0DAN"]["enterprise_user"] = map[string]any{"id": "W0DAN"}
			w.slack.groups["S0SECOPS"] = []string{"W0DAN"}
		}, want: rotation.CardApproved},
		"no longer in the group": {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: func(w *world) { w.slack.groups["S0SECOPS"] = []string{} }, want: rotation.CardOpen, refused: "T1/U0BEN"},
		"a shared channel":       {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: place1("is_ext_shared"), want: rotation.CardVoid},
		"about to be shared":     {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: place1("is_pending_ext_shared"), want: rotation.CardVoid},
		"an archived channel":    {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: place1("is_archived"), want: rotation.CardVoid},
		"shared in the company":  {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: place1("is_org_shared"), want: rotation.CardApproved},
		"we were removed":        {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: func(w *world) { w.slack.channels[channel]["is_member"] = false }, want: rotation.CardVoid},
		"the channel is hidden":  {reactions: reactions{"white_check_mark": {"U0BEN"}}, world: func(w *world) { delete(w.slack.channels, channel) }, want: rotation.CardVoid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ts := w.card(t)
			for emoji, users := range tt.reactions {
				w.slack.react(ts, emoji, users...)
			}
			if tt.world != nil {
				w.slack.with(func() { tt.world(w) })
			}
			r, _ := w.engine.Load(t.Context(), key)
			seen, err := w.chat.ballot.read(t.Context(), r, 1)
			if err != nil {
				t.Fatal(err)
			}
			tally := w.engine.policy.Count(r.Requester, *r.Card, seen.marks, time.Now())
			var refused []string
			for _, f := range tally.Refused {
				refused = append(refused, f.Person.ID)
			}
			if tally.State != tt.want || strings.Join(refused, " ") != tt.refused || strings.Join(seen.mistaken, " ") != tt.mistaken {
				t.Errorf("state %s, refused %v, mistaken %v; want %s, %q, %q", tally.State, refused, seen.mistaken, tt.want, tt.refused, tt.mistaken)
			}
			if !seen.marks.Live && seen.marks.Why == "" {
				t.Error("a dead card without a sentence")
			}
		})
	}
}

func user(id, fact string, value any) func(*world) {
	return func(w *world) { w.slack.users[id][fact] = value }
}

// enterprise makes U0BEN a user of an organisation's workspace team, and us a
// part of organisation E1.
func enterprise(organisation, team string) func(*world) {
	return func(w *world) {
		w.chat.people.self = identity{team: "T1", user: us, enterprise: "E1"}
		w.slack.users["U0BEN"]["team_id"] = "E1"
		w.slack.users["U0BEN"]["enterprise_user"] = map[string]any{"id": "W0BEN", "enterprise_id": organisation, "teams": []string{team}}
	}
}

func place1(fact string) func(*world) {
	return func(w *world) { w.slack.channels[channel][fact] = true }
}

// What cannot be asked is an error: nothing stands.
func TestWhatCannotBeAskedDoesNotStand(t *testing.T) {
	tests := map[string]func(w *world, ts string){
		"reactions":          func(w *world, _ string) { w.slack.fail("reactions.get", fault{status: 500}) },
		"reactions, a proxy": func(w *world, _ string) { w.slack.fail("reactions.get", fault{body: `{"ok":true}`}) },
		"reactions, HTML":    func(w *world, _ string) { w.slack.fail("reactions.get", fault{body: `<html>hello</html>`}) },
		"another message": func(w *world, _ string) {
			w.slack.fail("reactions.get", fault{body: `{"ok":true,"type":"message","message":{"ts":"1.1","text":"x"}}`})
		},
		"people cut short": func(w *world, ts string) {
			w.slack.with(func() { w.slack.at(channel, ts).count["white_check_mark"] = 60 })
		},
		"a person":               func(w *world, _ string) { w.slack.fail("users.info", fault{status: 503}) },
		"a person, rate limited": func(w *world, _ string) { w.slack.fail("users.info", fault{word: "ratelimited"}) },
		"a person, not said who": func(w *world, _ string) { w.slack.fail("users.info", fault{body: `{"ok":true,"user":{}}`}) },
		"the group":              func(w *world, _ string) { w.slack.fail("usergroups.users.list", fault{word: "plan_upgrade_required"}) },
		"the group, empty":       func(w *world, _ string) { w.slack.fail("usergroups.users.list", fault{body: `{"ok":true}`}) },
		"the channel": func(w *world, _ string) {
			w.slack.fail("conversations.info", fault{word: "missing_scope", needed: "channels:read"})
		},
		"who we are": func(w *world, _ string) {
			w.chat.people.self = identity{}
			w.slack.fail("auth.test", fault{body: `{"ok":true}`})
		},
		"the store": func(w *world, _ string) { w.store.down = errStoreDown },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ts := w.card(t)
			w.slack.react(ts, "white_check_mark", "U0BEN")
			r, _ := w.engine.Load(t.Context(), key)
			if m, err := w.chat.Ballot().Marks(t.Context(), r, 1); err != nil || len(m.Marks) != 1 {
				t.Fatalf("before: %+v, %v", m, err)
			}
			w.chat.people.forget("S0SECOPS")
			spoil(w, ts)
			if m, err := w.chat.Ballot().Marks(t.Context(), r, 1); err == nil || len(m.Marks) > 0 || m.Live {
				t.Errorf("marks %+v, error %v", m, err)
			}
		})
	}
}

var errStoreDown = fmt.Errorf("the store is away")

func TestReactionsElsewhereDoNotCount(t *testing.T) {
	w := newWorld(t)
	w.card(t)
	w.slack.react(w.ref("root"), "white_check_mark", "U0BEN")
	r, _ := w.engine.Load(t.Context(), key)
	m, err := w.chat.Ballot().Marks(t.Context(), r, 1)
	if err != nil || len(m.Marks) != 0 {
		t.Errorf("a reaction on the root message counts: %+v, %v", m, err)
	}
	if _, err := w.chat.Ballot().Marks(t.Context(), r, 2); err == nil {
		t.Error("a card that was never posted has marks")
	}
}

func TestRemovedReactionAndDeletedCard(t *testing.T) {
	w := newWorld(t)
	ts := w.card(t)
	r, _ := w.engine.Load(t.Context(), key)
	w.slack.react(ts, "white_check_mark", "U0BEN")
	if m, err := w.chat.Ballot().Marks(t.Context(), r, 1); err != nil || len(m.Marks) != 1 {
		t.Fatalf("with the reaction: %+v, %v", m, err)
	}
	w.slack.with(func() { w.slack.at(channel, ts).reactions["white_check_mark"] = nil })
	if m, err := w.chat.Ballot().Marks(t.Context(), r, 1); err != nil || len(m.Marks) != 0 || !m.Live {
		t.Errorf("without it: %+v, %v", m, err)
	}
	w.slack.delete(ts)
	if m, err := w.chat.Ballot().Marks(t.Context(), r, 1); err != nil || m.Live || !strings.Contains(m.Why, "deleted") {
		t.Errorf("deleted: %+v, %v", m, err)
	}
}

// Group membership is asked again once it is a cache's age old, and never kept
// beyond it when it cannot be asked.
func TestGroupIsAtMostAMinuteOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ts := w.card(t)
		w.slack.react(ts, "white_check_mark", "U0BEN")
		r, _ := w.engine.Load(t.Context(), key)
		approved := func() bool {
			m, err := w.chat.Ballot().Marks(t.Context(), r, 1)
			return err == nil && len(m.Marks) == 1 && m.Marks[0].Standing.Approver
		}
		for range 2 {
			if !approved() {
				t.Fatal("not approved at first")
			}
		}
		if n := len(w.slack.called("usergroups.users.list")); n != 1 {
			t.Errorf("the group was asked %d times within a minute", n)
		}
		w.slack.with(func() { w.slack.groups["S0SECOPS"] = []string{"U0CARA"} })
		pass(time.Minute)
		if approved() {
			t.Error("still approved a minute after leaving the group")
		}
		w.slack.with(func() { w.slack.groups["S0SECOPS"] = []string{"U0BEN"} })
		w.chat.people.forget("S0SECOPS") // as the event about the group does
		if !approved() {
			t.Error("not approved after rejoining")
		}
		pass(time.Minute)
		w.slack.fail("usergroups.users.list", fault{status: 500})
		if approved() {
			t.Error("approved by a list that could not be read")
		}
	})
}

// One reading asks a group once, whatever the cache keeps: twenty calls a minute
// is all that Slack allows.
func TestOneReadingAsksAGroupOnce(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.GroupCache = time.Nanosecond })
	ts := w.card(t)
	w.slack.react(ts, "white_check_mark", "U0BEN", "U0CARA", "U0DAN")
	w.slack.react(ts, "x", "U0CARA")
	r, _ := w.engine.Load(t.Context(), key)
	for n := 1; n <= 2; n++ {
		m, err := w.chat.Ballot().Marks(t.Context(), r, 1)
		if err != nil || len(m.Marks) != 4 {
			t.Fatalf("marks %+v, %v", m, err)
		}
		if got := len(w.slack.called("usergroups.users.list")); got != n {
			t.Errorf("%d readings asked the group %d times", n, got)
		}
	}
}

// Many strangers cost a bounded number of calls and hide nobody who counts.
func TestAFloodOfStrangers(t *testing.T) {
	w := newWorld(t)
	ts := w.card(t)
	for i := range 300 {
		w.slack.react(ts, "white_check_mark", fmt.Sprintf("U0X%03d", i))
	}
	w.slack.react(ts, "white_check_mark", "U0BEN")
	r, _ := w.engine.Load(t.Context(), key)
	m, err := w.chat.Ballot().Marks(t.Context(), r, 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w.slack.called("users.info")); n > mostStrangers+1 {
		t.Errorf("%d people were looked up", n)
	}
	if last := m.Marks[len(m.Marks)-1]; last.Person.ID != "T1/U0BEN" || !last.Standing.Approver {
		t.Errorf("the approver was lost among them: %+v", last)
	}
}

func TestApproversPerSecret(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.PerSecret = func(secret string) People {
			if secret == "FAL_KEY" {
				return People{Users: []string{"U0DAN"}}
			}
			return People{}
		}
	})
	ts := w.card(t)
	w.slack.react(ts, "white_check_mark", "U0DAN", "U0BEN")
	r, _ := w.engine.Load(t.Context(), key)
	m, err := w.chat.Ballot().Marks(t.Context(), r, 1)
	if err != nil || len(m.Marks) != 2 || !m.Marks[0].Standing.Approver || m.Marks[1].Standing.Approver {
		t.Errorf("%+v, %v", m, err)
	}
	if card := w.slack.at(channel, ts); !strings.Contains(card.text, "<@U0DAN>") || strings.Contains(card.text, "S0SECOPS") {
		t.Errorf("the card calls %q", card.text)
	}
	if got := w.chat.people.approvers("OTHER"); got.Group != "S0SECOPS" {
		t.Errorf("other secrets fall back to %+v", got)
	}
}
