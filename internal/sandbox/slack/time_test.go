package slack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/sandbox/slack"
)

// direct calls a method without a network, so that time can be faked.
func direct(t *testing.T, s *slack.Server, method string, args url.Values) (int, http.Header, map[string]any) {
	t.Helper()
	r := httptest.NewRequest("POST", "/api/"+method, strings.NewReader(args.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+botToken)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	return w.Code, w.Header(), out
}

func bubble(t *testing.T, c slack.Config, run func(t *testing.T, s *slack.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := slack.New(c)
		defer s.Close()
		furnish(s)
		run(t, s)
	})
}

func TestChannelRateWithRealLimits(t *testing.T) {
	bubble(t, slack.Config{}, func(t *testing.T, s *slack.Server) {
		s.AddChannel(slack.Channel{ID: "C0TWO", BotIn: true})
		post := func(channel string) (int, http.Header) {
			code, header, _ := direct(t, s, "chat.postMessage", url.Values{"channel": {channel}, "text": {"x"}})
			return code, header
		}
		for range 5 {
			if code, _ := post(ops); code != http.StatusOK {
				t.Fatalf("within the burst: %d", code)
			}
		}
		code, header := post(ops)
		if code != http.StatusTooManyRequests || header.Get("Retry-After") != "1" {
			t.Errorf("after the burst: %d, Retry-After %q", code, header.Get("Retry-After"))
		}
		if code, _ := post("C0TWO"); code != http.StatusOK {
			t.Errorf("another channel: %d", code)
		}
		for range 20 { // one a second can go on for ever
			<-time.After(time.Second) // of the bubble
			if code, _ := post(ops); code != http.StatusOK {
				t.Fatalf("one a second: %d", code)
			}
		}
	})
}

func TestMethodTierAndRetryAfter(t *testing.T) {
	bubble(t, slack.Config{}, func(t *testing.T, s *slack.Server) {
		_, _, m := direct(t, s, "chat.postMessage", url.Values{"channel": {ops}, "text": {"x"}})
		ts := m["ts"].(string)
		update := func() (int, http.Header) {
			code, header, _ := direct(t, s, "chat.update", url.Values{"channel": {ops}, "ts": {ts}, "text": {"y"}})
			return code, header
		}
		done := 0
		for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); {
			code, header := update()
			if code == http.StatusOK {
				done++
				continue
			}
			wait, err := strconv.Atoi(header.Get("Retry-After"))
			if err != nil || wait < 1 || wait > 2 {
				t.Fatalf("Retry-After %q", header.Get("Retry-After"))
			}
			if code, _, _ := direct(t, s, "reactions.get", url.Values{"channel": {ops}, "timestamp": {ts}}); code == http.StatusTooManyRequests {
				t.Fatal("another method was blocked, too")
			}
			<-time.After(time.Duration(wait) * time.Second)
			if code, _ := update(); code != http.StatusOK {
				t.Fatal("waiting as told did not help")
			}
			done++
		}
		if done < 300 || done > 520 {
			t.Errorf("%d edits in ten minutes; the tier allows about 50 a minute", done)
		}
	})
}

func TestFasterShrinksWaitsOnly(t *testing.T) {
	real, fast := slack.RealLimits(), slack.RealLimits().Faster(60)
	if fast.Retries[1] != time.Second || fast.Retries[2] != 5*time.Second || fast.Tier3.Per != time.Second || fast.Warning != real.Warning/60 {
		t.Errorf("sixty times faster: %+v", fast)
	}
	if fast.Ack != real.Ack || fast.Trigger != real.Trigger || fast.Ping != real.Ping || real.Retries[1] != time.Minute {
		t.Errorf("the app's own deadlines moved: %+v", fast)
	}
	if same := real.Faster(0); same.Retries[1] != time.Minute {
		t.Errorf("no factor: %+v", same)
	}
}

func TestRetriesWithoutAConnectionWithRealLimits(t *testing.T) {
	bubble(t, slack.Config{}, func(t *testing.T, s *slack.Server) {
		began := time.Now()
		s.SendEvent(map[string]any{"type": "channel_archive", "channel": ops})
		if err := s.Wait(t.Context(), func(p slack.Snapshot) bool { return p.Stats.Lost == 1 }); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 6*time.Minute {
			t.Errorf("given up after %s, want 0 + 1 + 5 minutes", took)
		}
		if got := s.Stats(); got.Retried != 3 || got.Unacked != 4 || got.Sent != 0 {
			t.Errorf("stats %+v", got)
		}
	})
}

func TestSubscriberThatSleptIsToldWhatItMissed(t *testing.T) {
	bubble(t, slack.Config{}, func(t *testing.T, s *slack.Server) {
		changes := s.Subscribe(t.Context())
		const n = 40000 // more than the log keeps
		for range n {
			if _, err := s.Say(ann, ops, "", "x"); err != nil {
				t.Fatal(err)
			}
		}
		var last, missed int
		for last < n {
			c := <-changes
			if c.Kind == slack.Missed {
				missed++
			} else if c.Seq != last+1 && missed == 0 {
				t.Fatalf("change %d after %d, and nothing said", c.Seq, last)
			}
			last = c.Seq
		}
		if missed != 1 {
			t.Errorf("told %d times that something was missed, want once", missed)
		}
	})
}

func TestSubscriptionTellsWhatPeopleSee(t *testing.T) {
	bubble(t, slack.Config{}, func(t *testing.T, s *slack.Server) {
		changes := s.Subscribe(t.Context())
		_, _, m := direct(t, s, "chat.postMessage", url.Values{"channel": {ops}, "text": {"a"}})
		ts := m["ts"].(string)
		direct(t, s, "chat.update", url.Values{"channel": {ops}, "ts": {ts}, "text": {"b"}})
		direct(t, s, "chat.postEphemeral", url.Values{"channel": {ops}, "user": {ann}, "text": {"psst"}})
		if err := s.React(ann, ops, ts, "eyes"); err != nil {
			t.Fatal(err)
		}
		if err := s.Unreact(ann, ops, ts, "eyes"); err != nil {
			t.Fatal(err)
		}
		if err := s.Remove(ops, ts); err != nil {
			t.Fatal(err)
		}
		for _, want := range []slack.Kind{slack.Posted, slack.Edited, slack.Whispered, slack.Reacted, slack.Unreacted, slack.Deleted} {
			if c := <-changes; c.Kind != want {
				t.Errorf("got %s of %q, want %s", c.Kind, c.Message.Text, want)
			}
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	bubble(t, slack.Config{}, func(t *testing.T, s *slack.Server) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		if err := s.Wait(ctx, func(slack.Snapshot) bool { return false }); err == nil || time.Since(began) != time.Hour {
			t.Errorf("ended after %s with %v", time.Since(began), err)
		}
	})
}
