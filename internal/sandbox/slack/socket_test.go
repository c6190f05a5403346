package slack_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	slackgo "github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"rekey/internal/sandbox/slack"
)

func TestHelloAndTicketOnce(t *testing.T) {
	w := start(t, slack.Config{})
	_, url, err := w.api.StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	hello := raw{conn}.frame(t)
	if hello["type"] != "hello" || hello["num_connections"] != 1.0 || hello["debug_info"] == nil {
		t.Errorf("greeted with %v", hello)
	}
	if _, resp, err := websocket.Dial(t.Context(), url, nil); err == nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the same ticket worked twice: %v", err)
	}
}

func TestEventReachesTheAppAndIsAcknowledged(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	ts := w.post(t, "approve?")
	if err := w.React(ann, ops, ts, "white_check_mark"); err != nil {
		t.Fatal(err)
	}
	e := a.next(t)
	outer := e.Data.(slackevents.EventsAPIEvent)
	inner := outer.InnerEvent.Data.(*slackevents.ReactionAddedEvent)
	if inner.User != ann || inner.Reaction != "white_check_mark" || inner.Item.Channel != ops || inner.Item.Timestamp != ts || inner.ItemUser != "U0BOT" {
		t.Errorf("event %+v", inner)
	}
	back := outer.Data.(*slackevents.EventsAPICallbackEvent)
	if back.EventID == "" || back.IsExtSharedChannel || e.Request.AcceptsResponsePayload || e.Request.RetryAttempt != 0 {
		t.Errorf("callback %+v request %+v", back, e.Request)
	}
	if err := a.Ack(*e.Request); err != nil {
		t.Fatal(err)
	}
	w.until(t, func(p slack.Snapshot) bool { return p.Stats.Acked == 1 })
	if got := w.Stats(); got.Sent != 1 || got.Unacked != 0 || len(got.Latencies) != 1 {
		t.Errorf("stats %+v", got)
	}
}

// TestEventsComeInOrder holds the order of what people do when nothing is told
// to disturb it.
func TestEventsComeInOrder(t *testing.T) {
	w := start(t, slack.Config{})
	ts := w.post(t, "x")
	conn := w.dial(t, nil)
	conn.frame(t) // hello
	for range 20 {
		if err := w.React(ann, ops, ts, "eyes"); err != nil {
			t.Fatal(err)
		}
		if err := w.Unreact(ann, ops, ts, "eyes"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 40 {
		want := []string{"reaction_added", "reaction_removed"}[i%2]
		inner := conn.frame(t)["payload"].(map[string]any)["event"].(map[string]any)
		if inner["type"] != want {
			t.Fatalf("event %d is %v, want %s", i, inner["type"], want)
		}
	}
}

func TestEventsOnlyWhereTheAppIs(t *testing.T) {
	w := start(t, slack.Config{})
	w.AddChannel(slack.Channel{ID: "C0OPEN", Name: "open"})
	elsewhere, err := w.Say(ann, "C0OPEN", "", "hi")
	if err != nil {
		t.Fatal(err)
	}
	shared := w.post(t, "here")
	conn := w.dial(t, nil)
	conn.frame(t) // hello
	if err := w.React(bob, "C0OPEN", elsewhere, "eyes"); err != nil {
		t.Fatal(err)
	}
	w.ChangeChannel(ops, func(c *slack.Channel) { c.ExtShared = true })
	if err := w.React(bob, ops, shared, "eyes"); err != nil {
		t.Fatal(err)
	}
	payload := conn.frame(t)["payload"].(map[string]any)
	item := payload["event"].(map[string]any)["item"].(map[string]any)
	if item["channel"] != ops || payload["is_ext_shared_channel"] != true {
		t.Errorf("first event is %v", payload)
	}
}

func TestUnacknowledgedEventComesAgain(t *testing.T) {
	c := limited(func(l *slack.Limits) {
		l.Ack, l.Retries = time.Millisecond, []time.Duration{0, time.Millisecond, time.Millisecond}
	})
	w := start(t, c)
	conn := w.dial(t, nil)
	conn.frame(t) // hello
	w.SendEvent(map[string]any{"type": "channel_archive", "channel": ops})
	envelopes, events := map[string]bool{}, map[string]bool{}
	for attempt := range 4 {
		f := conn.frame(t)
		reason := ""
		if attempt > 0 {
			reason = "timeout"
		}
		if f["retry_attempt"] != float64(attempt) || f["retry_reason"] != reason {
			t.Errorf("delivery %d: attempt %v reason %q", attempt, f["retry_attempt"], f["retry_reason"])
		}
		envelopes[f["envelope_id"].(string)] = true
		events[f["payload"].(map[string]any)["event_id"].(string)] = true
	}
	if len(envelopes) != 4 || len(events) != 1 {
		t.Errorf("%d envelope ids and %d event ids, want 4 and 1", len(envelopes), len(events))
	}
	w.until(t, func(p slack.Snapshot) bool { return p.Stats.Lost == 1 })
	if got := w.Stats(); got.Retried != 3 || got.Unacked != 4 || got.Acked != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestSameEnvelopeWhenToldSo(t *testing.T) {
	c := limited(func(l *slack.Limits) { l.Ack, l.Retries = time.Millisecond, []time.Duration{0} })
	c.SameEnvelope = true
	w := start(t, c)
	conn := w.dial(t, nil)
	conn.frame(t) // hello
	w.SendEvent(map[string]any{"type": "channel_archive", "channel": ops})
	if first, second := conn.frame(t), conn.frame(t); first["envelope_id"] != second["envelope_id"] {
		t.Errorf("envelope ids %v and %v, want the same", first["envelope_id"], second["envelope_id"])
	}
}

func TestLateAcknowledgementIsWorthless(t *testing.T) {
	w := start(t, limited(func(l *slack.Limits) { l.Ack, l.Retries = time.Millisecond, nil }))
	conn := w.dial(t, nil)
	conn.frame(t) // hello
	w.SendEvent(map[string]any{"type": "channel_archive", "channel": ops})
	f := conn.frame(t)
	w.until(t, func(p slack.Snapshot) bool { return p.Stats.Lost == 1 })
	conn.send(t, `{"envelope_id":"`+f["envelope_id"].(string)+`"}`)
	w.until(t, func(p slack.Snapshot) bool { return p.Stats.Late == 1 })
	if got := w.Stats(); got.Acked != 0 || len(got.Latencies) != 1 {
		t.Errorf("stats %+v", got)
	}
}

func TestWrongAcknowledgements(t *testing.T) {
	w := start(t, slack.Config{})
	one, two := w.dial(t, nil), w.dial(t, nil)
	one.frame(t)
	two.frame(t) // hellos
	w.SendEvent(map[string]any{"type": "channel_archive", "channel": ops})
	asked, other := make(chan string, 2), make(chan raw, 2)
	for _, conn := range []raw{one, two} {
		go func() {
			if _, frame, err := conn.Read(t.Context()); err == nil {
				id := strings.SplitAfter(string(frame), `"envelope_id":"`)[1]
				asked <- id[:strings.Index(id, `"`)]
				other <- conn
			}
		}()
	}
	id, holder := <-asked, <-other
	wrong := one
	if holder == one {
		wrong = two
	}
	ack := `{"envelope_id":"` + id + `"}`
	for _, step := range []struct {
		conn  raw
		frame string
		count func(slack.Stats) int
		what  string
	}{
		{holder, `not JSON`, func(s slack.Stats) int { return s.Invalid }, "invalid"},
		{holder, `{"envelope_id":"nobody's"}`, func(s slack.Stats) int { return s.Invalid - 1 }, "invalid"},
		{holder, `{"envelope_id":"` + id + `","payload":{"text":"` + strings.Repeat("x", 20<<10) + `"}}`, func(s slack.Stats) int { return s.Invalid - 2 }, "invalid"},
		{wrong, ack, func(s slack.Stats) int { return s.Foreign }, "foreign"},
		{holder, `{"envelope_id":"` + id + `","payload":{"text":"hi"}}`, func(s slack.Stats) int { return min(s.Invalid-3, s.Acked) }, "acknowledged with a payload not asked for"},
		{holder, ack, func(s slack.Stats) int { return s.Double }, "double"},
	} {
		step.conn.send(t, step.frame)
		w.until(t, func(p slack.Snapshot) bool { return step.count(p.Stats) == 1 })
		if got := step.count(w.Stats()); got != 1 {
			t.Errorf("%s: counted %d", step.what, got)
		}
	}
}

func TestAnyOneSocketGetsEach(t *testing.T) {
	w := start(t, slack.Config{})
	conns := []raw{w.dial(t, nil), w.dial(t, nil), w.dial(t, nil)}
	got := make(chan int, 9)
	for i, conn := range conns {
		conn.frame(t) // hello
		go func() {
			for {
				if _, _, err := conn.Read(t.Context()); err != nil {
					return
				}
				got <- i
			}
		}()
	}
	for range 9 {
		w.SendEvent(map[string]any{"type": "channel_archive", "channel": ops})
	}
	share := map[int]int{}
	for range 9 {
		share[<-got]++
	}
	if len(share) != 3 {
		t.Errorf("deliveries per socket %v, want some on each", share)
	}
}

func TestTooManySockets(t *testing.T) {
	w := start(t, limited(func(l *slack.Limits) { l.Sockets = 2 }))
	for range 2 {
		w.dial(t, nil).frame(t)
	}
	f := w.dial(t, nil).frame(t)
	if f["type"] != "disconnect" || f["reason"] != "too_many_websockets" {
		t.Errorf("the third socket got %v", f)
	}
}

func TestPings(t *testing.T) {
	w := start(t, limited(func(l *slack.Limits) { l.Ping = time.Millisecond }))
	pings := make(chan struct{}, 1000)
	conn := w.dial(t, &websocket.DialOptions{OnPingReceived: func(context.Context, []byte) bool {
		select {
		case pings <- struct{}{}:
		default:
		}
		return true
	}})
	conn.frame(t) // hello
	conn.CloseRead(t.Context())
	for range 3 {
		<-pings
	}
}

func TestWithoutPingsTheClientReconnects(t *testing.T) {
	w := start(t, limited(func(l *slack.Limits) { l.Ping = -1 }))
	w.connect(t, socketmode.OptionPingInterval(time.Millisecond))
	w.until(t, func(p slack.Snapshot) bool { return p.Stats.Opened >= 3 })
}

func TestRefreshAndDropBringTheClientBack(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	for i, cut := range []func() int{
		func() int { return w.Refresh("refresh_requested") },
		func() int { return w.Refresh("warning") },
		w.DropSockets,
	} {
		if n := cut(); n != 1 {
			t.Fatalf("cut %d reached %d sockets, want 1", i, n)
		}
		w.until(t, func(p slack.Snapshot) bool { return p.Stats.Opened == i+2 && p.Sockets == 1 })
	}
	ts := w.post(t, "still there?")
	if err := w.React(ann, ops, ts, "eyes"); err != nil {
		t.Fatal(err)
	}
	a.next(t)
}

func TestWarnedSocketIsClosedInTheEnd(t *testing.T) {
	w := start(t, limited(func(l *slack.Limits) { l.Warning = time.Millisecond }))
	conn := w.dial(t, nil)
	conn.frame(t) // hello
	w.Refresh("warning")
	if f := conn.frame(t); f["reason"] != "warning" {
		t.Errorf("got %v", f)
	}
	w.until(t, func(p slack.Snapshot) bool { return p.Sockets == 0 })
}

func TestUnknownEnvelope(t *testing.T) {
	w := start(t, slack.Config{})
	if err := w.SendFrame(t.Context(), "{}"); err != slack.ErrNotConnected {
		t.Errorf("without a socket: %v", err)
	}
	conn := w.dial(t, nil)
	conn.frame(t) // hello
	if err := w.SendFrame(t.Context(), `{"type":"news","envelope_id":"e1"}`); err != nil {
		t.Fatal(err)
	}
	if f := conn.frame(t); f["type"] != "news" {
		t.Errorf("got %v", f)
	}
}

func TestDisturbances(t *testing.T) {
	event := func(name string) map[string]any {
		return map[string]any{"type": "channel_rename", "channel": ops, "name": name}
	}
	name := func(f map[string]any) any {
		return f["payload"].(map[string]any)["event"].(map[string]any)["name"]
	}
	quick := limited(func(l *slack.Limits) {
		l.Retries, l.Hold = []time.Duration{0, 0, 0}, time.Hour
	})
	open := func(t *testing.T, how slack.How) (*world, raw) {
		w := start(t, quick)
		conn := w.dial(t, nil)
		conn.frame(t) // hello
		w.Disturb(slack.Disturbance{Kind: "events_api", How: how})
		return w, conn
	}
	ack := func(t *testing.T, conn raw, f map[string]any) {
		conn.send(t, `{"envelope_id":"`+f["envelope_id"].(string)+`"}`)
	}

	t.Run("redeliver", func(t *testing.T) {
		w, conn := open(t, slack.Redeliver)
		w.SendEvent(event("a"))
		first := conn.frame(t)
		ack(t, conn, first)
		second := conn.frame(t)
		ack(t, conn, second)
		if name(second) != "a" || second["retry_attempt"] != 1.0 || first["envelope_id"] == second["envelope_id"] {
			t.Errorf("second delivery %v", second)
		}
		w.until(t, func(p slack.Snapshot) bool { return p.Stats.Acked == 2 })
		if got := w.Stats(); got.Unacked != 0 {
			t.Errorf("stats %+v", got)
		}
	})
	t.Run("reorder", func(t *testing.T) {
		w, conn := open(t, slack.Reorder)
		w.SendEvent(event("a"))
		w.SendEvent(event("b"))
		w.SendEvent(event("c"))
		var order []any
		for range 3 {
			order = append(order, name(conn.frame(t)))
		}
		if order[0] == "a" {
			t.Errorf("order %v, want a overtaken", order)
		}
	})
	t.Run("cut before", func(t *testing.T) {
		w, _ := open(t, slack.CutBefore)
		w.SendEvent(event("a"))
		w.until(t, func(p slack.Snapshot) bool { return p.Sockets == 0 && p.Stats.Lost == 1 })
		if got := w.Stats(); got.Sent != 1 || got.Retried != 3 {
			t.Errorf("stats %+v", got)
		}
	})
	t.Run("cut after", func(t *testing.T) {
		w, conn := open(t, slack.CutAfter)
		w.SendEvent(event("a"))
		if got := name(conn.frame(t)); got != "a" {
			t.Errorf("got %v", got)
		}
		if _, _, err := conn.Read(t.Context()); err == nil {
			t.Error("the socket is still open")
		}
	})
	t.Run("lose ack", func(t *testing.T) {
		w := start(t, limited(func(l *slack.Limits) { l.Ack, l.Retries = 50*time.Millisecond, []time.Duration{0} }))
		conn := w.dial(t, nil)
		conn.frame(t) // hello
		w.Disturb(slack.Disturbance{How: slack.LoseAck})
		w.SendEvent(event("a"))
		ack(t, conn, conn.frame(t))
		if f := conn.frame(t); f["retry_attempt"] != 1.0 {
			t.Errorf("got %v", f)
		}
	})
}

func TestSlackGoBadMessageStaysUnacknowledged(t *testing.T) {
	w := start(t, limited(func(l *slack.Limits) { l.Ack, l.Retries = time.Millisecond, nil }))
	w.connect(t)
	w.SendEvent(map[string]any{"type": "an_event_of_next_year"})
	w.until(t, func(p slack.Snapshot) bool { return p.Stats.Lost == 1 })
}

func TestCloseEndsEverything(t *testing.T) {
	w := start(t, slack.Config{})
	conn := w.dial(t, nil)
	conn.frame(t) // hello
	changes := w.Subscribe(t.Context())
	w.SendEvent(map[string]any{"type": "channel_archive", "channel": ops})
	w.Close()
	for range changes { // ends, or the test does not
	}
	if err := w.Wait(t.Context(), func(slack.Snapshot) bool { return false }); err == nil {
		t.Error("waiting on a closed server")
	}
	if _, open := <-w.Subscribe(t.Context()); open {
		t.Error("subscribed to a closed server")
	}
	if _, _, err := w.api.PostMessageContext(t.Context(), ops, slackgo.MsgOptionText("x", false)); err != nil {
		t.Errorf("HTTP is not ours to close: %v", err)
	}
}
