//go:build !release

package main

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox/slack"
)

// theatre is a sandbox in which stories are played, one or several at once.
type theatre struct {
	box *box
	say func(format string, args ...any)
	// heard is the ts of each message that was narrated; nobody has to listen.
	heard chan string
}

func openTheatre(ctx context.Context, o sandboxOptions, say func(string, ...any)) (*theatre, error) {
	say("Starting the world: Slack, Infisical, the services, an application with three instances and steady traffic.")
	b, err := openSandbox(ctx, o)
	if err != nil {
		return nil, err
	}
	return &theatre{box: b, say: say, heard: make(chan string, 1<<10)}, nil
}

// narrated plays something while what appears in the workspace is printed.
func (t *theatre) narrated(ctx context.Context, play func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	told := t.narrate(ctx)
	defer func() { t.lastWords(ctx); cancel(); <-told }()
	return play(ctx)
}

// narrate prints what appears in the workspace, as it appears.
func (t *theatre) narrate(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	changes := t.box.world.Slack.Subscribe(ctx)
	go func() {
		defer close(done)
		for c := range changes {
			switch c.Kind {
			case slack.Posted:
				where := "channel"
				if c.Message.Thread != "" {
					where = "thread"
				}
				t.say("[%s] %s", where, indented(narrated(c.Message)))
				select {
				case t.heard <- c.Message.TS:
				default:
				}
			case slack.Whispered:
				t.say("[only @%s sees] %s", c.Message.To, indented(c.Message.Text))
			}
		}
	}()
	return done
}

// lastWords lets the narrator catch up with what was posted last, for a while.
func (t *theatre) lastWords(ctx context.Context) {
	last, _ := t.box.world.Slack.Snapshot().Find(func(slack.Message) bool { return true })
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	for {
		select {
		case ts := <-t.heard:
			if ts >= last.TS {
				return
			}
		case <-patience.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// threads are the messages of a secret's rotations, roots included: a root
// begins with its name, after whom it calls.
func threads(all []slack.Message, secret string) []slack.Message {
	form := regexp.MustCompile(`^(?:<[^>]*> )*(?:DRILL · )?(?:Emergency · )?(?:Rotating |Rolling back )?` + regexp.QuoteMeta(secret) + `\b`)
	roots := map[string]bool{}
	for _, m := range all {
		roots[m.TS] = m.Thread == "" && form.MatchString(m.Text)
	}
	return slices.DeleteFunc(slices.Clone(all), func(m slack.Message) bool { return !roots[m.TS] && !roots[m.Thread] })
}

// narrated is what a message says, its pictures in words.
func narrated(m slack.Message) string {
	words := []string{m.Text}
	for _, f := range m.Files {
		if f.AltText == "" {
			words = append(words, "[file: "+f.Name+"]")
			continue
		}
		words = append(words, "[picture: "+f.AltText+"]")
	}
	return strings.TrimSpace(strings.Join(words, "\n"))
}

func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n         ") }
