package chat

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rekey/bot/chat/render"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/rotation/event"
)

// tattler is a network whose errors say everything they know: the URL, the
// headers and the form, tokens included.
type tattler struct{}

func (tattler) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.ParseForm()
	return nil, fmt.Errorf("sending %s with %v and %s", r.URL, r.Header, r.PostForm.Encode())
}

// Everything goes wrong in every way, and no token shows in any error or log
// line.
func TestNoTokenLeaks(t *testing.T) {
	tokens := []secret.Value{secret.New(botToken), secret.New(appToken)}
	const hook = "/hook/T1/B2/verysecretresponsepath"
	ways := map[string]func(w *world){
		"a network that tells":  func(w *world) { w.config.HTTP = &http.Client{Transport: tattler{}} },
		"refused, by the token": func(w *world) { w.failAll(fault{word: "no: " + botToken, needed: appToken}) },
		"a page with the form":  func(w *world) { w.failAll(fault{status: 500}) },
		"forbidden":             func(w *world) { w.failAll(fault{status: 403}) },
		"redirected": func(w *world) {
			w.failAll(fault{status: 307, header: map[string]string{"Location": "https://evil.example/?" + botToken}})
		},
		"a token for an answer": func(w *world) { w.failAll(fault{body: `"` + botToken + `"`}) },
		"no network":            func(w *world) { w.failAll(fault{dial: true}) },
		"cut off":               func(w *world) { w.failAll(fault{lost: true}) },
		"limited":               func(w *world) { w.failAll(fault{status: 429}) },
	}
	for name, spoil := range ways {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			spoil(w)
			chat, err := New(w.config, w.store)
			if err != nil {
				t.Fatal(err)
			}
			chat.engine = w.engine
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			outputs := []any{w.config, fmt.Sprintf("%+v", chat), chat}
			failed := func(err error) {
				if err == nil {
					t.Error("a call succeeded that should not")
				}
				outputs = append(outputs, err)
			}
			_, err = chat.api.post(ctx, channel, "", render.Message{Text: "x"}, markOf(key, 1, 1))
			failed(err)
			failed(chat.api.update(ctx, channel, "1.1", render.Message{Text: "x"}))
			failed(chat.api.whisper(ctx, channel, "", "U0BEN", "x"))
			failed(chat.api.react(ctx, channel, "1.1", emojiYes))
			_, err = chat.api.reactions(ctx, channel, "1.1")
			failed(err)
			_, err = chat.people.look(ctx, "U0BEN")
			failed(err)
			_, err = chat.api.group(ctx, "S0SECOPS")
			failed(err)
			_, err = chat.api.channel(ctx, channel)
			failed(err)
			_, err = chat.respondOnce(ctx, "https://slack.test"+hook, []byte(`{}`))
			if err != nil {
				outputs = append(outputs, err)
			}
			w.store.tell(key, event.Event{Kind: event.Started})
			newPoster(chat).attempt(ctx, key)
			chat.workOnce(ctx)
			outputs = append(outputs, w.log.String())
			secrettest.NoLeak(t, append(tokens, secret.New(hook)), outputs...)
		})
	}
}

// failAll spoils the next calls of every method.
func (w *world) failAll(f fault) {
	for _, method := range []string{"auth.test", "chat.postMessage", "chat.update", "chat.postEphemeral", "reactions.add", "reactions.get", "users.info", "usergroups.users.list", "conversations.info", "hook"} {
		w.slack.fail(method, f, f, f)
	}
}

func TestAWholeRunLeaksNothing(t *testing.T) {
	l := newLive(t)
	l.run(t)
	ts := l.liveCard(t)
	l.slack.react(ts, "x", "U0BEN")
	l.line.send(t, "e1", "events_api", reaction("reaction_added", "U0BEN", "x", ts, nil))
	l.slack.await(t, "acknowledged", l.line.acked("e1"))
	secrettest.NoLeak(t, []secret.Value{secret.New(botToken), secret.New(appToken)}, l.log.String(), l.slack.thread())
}

func TestConfigIsChecked(t *testing.T) {
	good := newWorld(t).config
	tests := map[string]func(c *Config){
		"app-level token": func(c *Config) { c.AppToken = secret.Value{} },
		"bot token":       func(c *Config) { c.BotToken = secret.Value{} },
		"channel":         func(c *Config) { c.Channel = "" },
		"approver":        func(c *Config) { c.Approvers = People{} },
		"log":             func(c *Config) { c.Log = nil },
		"https":           func(c *Config) { c.APIURL = "http://slack.example/api/" },
		"not a URL":       func(c *Config) { c.APIURL = "slack" },
	}
	for want, spoil := range tests {
		c := good
		spoil(&c)
		if _, err := New(c, newMemory()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: %v", want, err)
		}
	}
	if _, err := New(good, nil); err == nil {
		t.Error("no store is accepted")
	}
	for _, local := range []string{"http://127.0.0.1:8080/api/", "http://localhost:1/", "http://[::1]:2/"} {
		c := good
		c.APIURL = local
		if _, err := New(c, newMemory()); err != nil {
			t.Errorf("%s: %v", local, err)
		}
	}
}
