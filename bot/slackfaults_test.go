//go:build !release

package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
	"rekey/rotation"
)

// posts counts the messages of the channel whose text holds something.
func (s *scene) posts(text string) (n int) {
	for _, m := range s.slack.Messages(sandbox.Channel) {
		if strings.Contains(m.Text, text) {
			n++
		}
	}
	return n
}

// onceTold holds that the thread tells the approval once and repeats nothing.
func (s *scene) onceTold() {
	s.Helper()
	if n := s.posts("*approved* request"); n != 1 {
		s.Errorf("the approval was told %d times", n)
	}
	if n := s.posts("posted again"); n != 0 {
		s.Errorf("%d messages are marked as copies", n)
	}
}

// TestClickUnderway disturbs the delivery of the approver's click: the socket
// breaks around it, its acknowledgement is lost, it comes twice.
func TestClickUnderway(t *testing.T) {
	t.Parallel()
	for _, how := range []slack.How{slack.CutBefore, slack.CutAfter, slack.LoseAck, slack.Redeliver} {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			s := open(t, sandboxOptions{})
			card := s.asked()
			s.slack.Disturb(slack.Disturbance{Kind: "events_api", How: how})
			s.react(sandbox.Approver, card, yes)
			s.finishes(sandbox.Approver)
			s.onceTold()
		})
	}
}

// TestReactionsOvertakeEachOther delivers a reaction after its own removal:
// what stands on the card counts, not what was said last.
func TestReactionsOvertakeEachOther(t *testing.T) {
	t.Parallel()
	s := openCalm(t, "poll_cards", "1h")
	card := s.asked()
	acked := s.slack.Stats().Acked
	s.slack.Disturb(slack.Disturbance{Kind: "events_api", How: slack.Reorder})
	s.react(sandbox.Approver, card, yes)
	s.unreact(sandbox.Approver, card, yes)
	s.until("both events were heard", func(now slack.Snapshot) bool { return now.Stats.Acked >= acked+2 })
	s.react(sandbox.Colleague, card, yes)
	s.told(sandbox.Colleague)
	if r := s.last(); r.State != rotation.Asking || r.Card.State != rotation.CardOpen {
		t.Errorf("after a mark that was taken back: %s, %+v", r.State, r.Card)
	}
	s.kept()

	s.slack.Disturb(slack.Disturbance{Kind: "events_api", How: slack.Redeliver, Times: 3})
	s.react(sandbox.Second, card, yes)
	s.finishes(sandbox.Second)
	s.onceTold()
	s.toldOnce(sandbox.Colleague)
}

// TestSocketsComeAndGo refreshes and cuts the connection all along a rotation.
func TestSocketsComeAndGo(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	s.world.OnWrite(func(w sandbox.Write) {
		switch w.Kind {
		case sandbox.VaultStaging:
			s.slack.Refresh("warning")
		case sandbox.DeployProduction, sandbox.Delete:
			s.slack.DropSockets()
		}
	})
	s.shows(s.rotate("FAL_KEY"), "started")
	card := s.card(1)
	s.slack.Refresh("refresh_requested")
	s.react(sandbox.Approver, card, yes)
	s.finishes(sandbox.Approver)
	s.onceTold()
	s.until("the bot is back", func(now slack.Snapshot) bool { return now.Sockets > 0 })
	if got := s.slack.Stats(); got.Opened < 5 {
		t.Errorf("five connections were needed: %+v", got)
	}
}

// TestCommandDeliveredTwice delivers one typed command twice, and has a person
// repeat one that seemed to fail. There is one rotation.
func TestCommandDeliveredTwice(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	s.slack.Disturb(slack.Disturbance{Kind: "slash_commands", How: slack.LoseAck})
	s.slack.Disturb(slack.Disturbance{Kind: "slash_commands", How: slack.Redeliver})
	typed := func() error {
		_, err := s.slack.SlashCommand(s.ctx, sandbox.Requester, sandbox.Channel, "/rotate", "FAL_KEY")
		return err
	}
	if err := typed(); !errors.Is(err, slack.ErrOperationTimeout) {
		t.Errorf("without an acknowledgement: %v", err)
	}
	if err := typed(); err != nil {
		t.Error(err)
	}
	s.until("all are answered", func(now slack.Snapshot) bool { return len(answers(now, sandbox.Requester)) == 3 })
	var started, open int
	for _, m := range answers(s.slack.Snapshot(), sandbox.Requester) {
		if strings.Contains(m.Text, "Rotation of FAL_KEY started") {
			started++
		}
		if strings.Contains(m.Text, "open already") {
			open++
		}
	}
	if started != 1 || open != 2 {
		t.Errorf("%d started, %d refused", started, open)
	}
	s.react(sandbox.Approver, s.card(1), yes)
	s.finishes(sandbox.Approver)
	if n := s.roots(); n != 1 {
		t.Errorf("%d rotations were announced", n)
	}
}

// TestAskedToSlowDown answers 429 to whatever is written into the thread, and
// holds the bot to the pause it is given. Nothing was done, so nothing is a
// copy.
func TestAskedToSlowDown(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	limited := []string{"chat.postMessage", "chat.update", "reactions.add"}
	const times, pause = 2, time.Second
	for _, method := range limited {
		s.slack.RateLimit(method, times, pause)
	}
	lines := []string{"Staging runs on", "*approved* request", "FAL_KEY is rotated"}
	for _, text := range lines {
		s.slack.Faults.Inject(text, wire.Fault{Match: saying(text), Limit: 1, Do: wire.TooMany(pause, `{"ok":false,"error":"ratelimited"}`)})
	}
	s.react(sandbox.Approver, s.asked(), yes)
	s.finishes(sandbox.Approver)
	s.onceTold()
	for _, text := range lines {
		if s.slack.Faults.Fired(text) != 1 {
			t.Errorf("%q was not held up", text)
		}
	}
	for _, method := range limited {
		var at []time.Time
		for q := range s.slack.Requests.All() {
			if q.Path == "/api/"+method {
				at = append(at, q.Time)
			}
		}
		for i := range times {
			if i+1 >= len(at) || at[i+1].Sub(at[i]) < pause {
				t.Errorf("%s was called again too soon, or never: %v", method, at)
			}
		}
	}
}

// saying matches posts whose text holds something.
func saying(text string) wire.Match {
	return wire.Match{Path: "/api/chat.postMessage", When: func(q wire.Request) bool {
		form, err := url.ParseQuery(string(q.Body))
		return err == nil && strings.Contains(form.Get("text"), text) && !strings.Contains(form.Get("text"), "posted again")
	}}
}

// TestLostPosts loses Slack's answer to the root message, a line, the request
// and the report: each is there already, is posted again and marked so, and
// the thread keeps its order. Only the request that the bot knows of counts.
func TestLostPosts(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	lost := []string{"Rotating FAL_KEY", "Staging runs on", "React ✅", "FAL_KEY is rotated"}
	for _, text := range lost {
		s.slack.Faults.Inject(text, wire.Fault{Match: saying(text), Limit: 1, Do: wire.Lose()})
	}
	for _, method := range []string{"chat.update", "reactions.add", "chat.postEphemeral"} {
		s.slack.Faults.Inject(method, wire.Fault{Match: wire.Match{Path: "/api/" + method}, Limit: 1, Do: wire.Lose()})
	}
	s.slack.Faults.Inject("answer", wire.Fault{Match: wire.Match{Path: "/response/*"}, Limit: 1, Do: wire.Lose()})
	card := s.asked()
	stale, found := s.slack.Snapshot().Find(func(m slack.Message) bool { return asks(m, 1) && !copied(m) })
	if !found || !copied(card) {
		t.Fatalf("which is the copy? first: %s\nsecond: %s", stale.Text, card.Text)
	}
	s.react(sandbox.Approver, stale, yes)
	s.react(sandbox.Colleague, card, yes)
	s.told(sandbox.Colleague)
	if r := s.last(); r.State != rotation.Asking || r.Card.State != rotation.CardOpen {
		t.Errorf("a mark on a lost copy counted: %s, %+v", r.State, r.Card)
	}
	s.kept()

	s.react(sandbox.Second, card, yes)
	s.until("the report was posted again", func(now slack.Snapshot) bool {
		_, again := now.Find(func(m slack.Message) bool { return copied(m) && reportedIn(m) })
		return again
	})
	s.finishes(sandbox.Second)
	if n := s.posts("posted again"); n != 2 { // root and request are edited later, and lose the mark
		t.Errorf("%d messages are marked as copies", n)
	}
	for _, name := range append(lost, "chat.update", "reactions.add", "chat.postEphemeral", "answer") {
		if s.slack.Faults.Fired(name) != 1 {
			t.Errorf("%q was not lost", name)
		}
	}
	s.toldOnce(sandbox.Colleague)
}

func reportedIn(m slack.Message) bool {
	return strings.Contains(m.Text, "Failed application requests seen")
}

// TestSlackIsAway takes the whole of Slack away while staging is deployed. The
// rotation goes on without it up to the approval; when Slack is back the thread
// catches up, in order and without copies.
func TestSlackIsAway(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]wire.Action{
		"no connection": wire.Drop(),
		"a web page":    wire.HTML(),
		"status 503":    wire.Answer(http.StatusServiceUnavailable, nil, "upstream connect error"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, sandboxOptions{})
			s.when(sandbox.DeployStaging, func(sandbox.Write) {
				s.slack.Faults.Inject("away", wire.Fault{Match: wire.Match{Path: "/*"}, Do: answer})
				s.slack.DropSockets()
			})
			s.shows(s.rotate("FAL_KEY"), "started")
			s.becomes(rotation.Asking)
			if n := s.posts("Production runs on"); n > 0 {
				t.Error("Slack was not away")
			}
			s.kept()
			if s.slack.Faults.Clear("away") == 0 {
				t.Error("nobody missed Slack")
			}
			s.react(sandbox.Approver, s.card(1), yes)
			s.finishes(sandbox.Approver)
			if n := s.posts("Production runs on"); n < 1 {
				t.Error("the thread did not catch up")
			}
		})
	}
}

// TestApprovedWhileTheBotIsAway kills the bot while it waits. People react
// meanwhile; nobody tells the bot, it looks by itself when it is back.
func TestApprovedWhileTheBotIsAway(t *testing.T) {
	t.Parallel()
	s := openCalm(t, "poll_cards", "1h")
	card := s.asked()
	s.until("the bot has acknowledged all it was told", func(slack.Snapshot) bool { now := s.slack.Stats(); return now.Acked+now.Unacked >= now.Sent })
	s.bot.kill()
	before := s.slack.Stats().Retried
	s.react(sandbox.Colleague, card, yes)
	s.react(sandbox.Approver, card, yes)
	s.until("both events were tried once more, at once", func(slack.Snapshot) bool { return s.slack.Stats().Retried >= before+2 })
	s.kept()
	heard := s.slack.Stats().Sent
	if err := s.start(s.ctx); err != nil {
		t.Fatal(err)
	}
	s.says("*approved* request 1")
	if now := s.slack.Stats().Sent; now != heard {
		t.Errorf("%d envelopes told the bot", now-heard)
	}
	s.finishes(sandbox.Approver)
	s.onceTold()
	s.told(sandbox.Colleague)
}

// gate fails the requests it is put before, until it is opened.
type gate struct {
	mu     sync.Mutex
	pass   int // requests still let through; negative lets all
	failed int
	change chan struct{} // closed and replaced at each failure
	bad    wire.Action
}

func newGate(bad wire.Action) *gate { return &gate{bad: bad, change: make(chan struct{})} }

func (g *gate) do(t wire.Turn) {
	g.mu.Lock()
	if g.pass != 0 {
		g.pass = max(g.pass-1, -1)
		g.mu.Unlock()
		t.Next.ServeHTTP(t.W, t.R)
		return
	}
	g.failed++
	close(g.change)
	g.change = make(chan struct{})
	g.mu.Unlock()
	g.bad(t)
}

// open lets n more requests through; a negative n all.
func (g *gate) open(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass = n
}

// fails waits until n more requests have failed.
func (g *gate) fails(ctx context.Context, n int) error {
	g.mu.Lock()
	until := g.failed + n
	for g.failed < until {
		changed := g.change
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		g.mu.Lock()
	}
	g.mu.Unlock()
	return nil
}

// TestStandingCannotBeAsked has Slack fail to say what stands on a request and
// who made it: first when a mark is to be counted, then again at the moment of
// the act. What cannot be asked does not count, and does not stand.
func TestStandingCannotBeAsked(t *testing.T) {
	t.Parallel()
	for method, bad := range map[string]wire.Action{
		"users.info":            wire.Answer(http.StatusInternalServerError, nil, "{}"),
		"usergroups.users.list": wire.Answer(http.StatusOK, http.Header{"Content-Type": {"application/json"}}, `{"ok":false,"error":"internal_error"}`),
		"reactions.get":         wire.Drop(),
		"conversations.info":    wire.HTML(),
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			s := openCalm(t, "poll_cards", "1h", "group_cache", "1ms")
			card := s.asked()
			g := newGate(bad)
			s.slack.Faults.Inject("gate", wire.Fault{Match: wire.Match{Path: "/api/" + method}, Do: g.do})
			s.react(sandbox.Approver, card, yes)
			if err := g.fails(s.ctx, 3); err != nil {
				t.Fatal(err)
			}
			if r := s.last(); r.State != rotation.Asking || r.Card.State != rotation.CardOpen {
				t.Errorf("nobody could be asked: %s, %+v", r.State, r.Card)
			}
			s.kept()

			g.open(1) // the count; then the look before the act fails
			s.says("*approved* request 1")
			if err := g.fails(s.ctx, 2); err != nil {
				t.Fatal(err)
			}
			s.says("asking whether the approval still stands")
			s.kept()

			g.open(-1)
			s.finishes(sandbox.Approver)
			s.onceTold()
		})
	}
}

// TestStarterCannotBeAsked has Slack fail to say who typed a command.
func TestStarterCannotBeAsked(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	s.slack.Refuse("users.info", 0, "internal_error")
	for _, text := range []string{"FAL_KEY", "FAL_KEY --plan", "cancel FAL_KEY", ""} {
		s.shows(s.rotate(text), "could not find out who you are, so nothing was done")
	}
	s.untouched()
	s.slack.Faults.Clear("refuse users.info")
	s.slack.ChangeUser(sandbox.Requester, func(u *slack.User) { u.Guest = true })
	s.shows(s.rotate("FAL_KEY"), "full members of this workspace only")
	s.untouched()
}
