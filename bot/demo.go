//go:build !release

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
)

// demoTimeout bounds a whole demonstration at speed 1.
const demoTimeout = 90 * time.Second

// demo is one rotation played by scripted people, and what is held against
// the world afterwards.
type demo struct {
	box  *box
	say  func(format string, args ...any)
	play script
	// heard is the ts of each message that was narrated; nobody has to listen.
	heard chan string
	// helped counts the watches that were asked to go on.
	helped int
}

// script is what the people do, and what is done to the world before.
type script struct {
	secret string
	// arrange prepares the world; nil leaves it as it is.
	arrange func(*box)
	// bring is how a person brings the key that a guide asks for; nil does
	// exactly what it says.
	bring func(*demo, errand) error
	// atCard is what happens when the approval card appears; nil approves.
	atCard func(d *demo, card slack.Message) error
	// rests reports that the story is over; nil waits for the report.
	rests func(slack.Snapshot) bool
}

// demoResult is the last line of a demonstration with --json.
type demoResult struct {
	Secret      string     `json:"secret"`
	Mode        string     `json:"mode"`
	Shape       string     `json:"shape"`
	Result      string     `json:"result"`
	OldKeyDead  bool       `json:"old_key_dead"`
	NewKeyLive  bool       `json:"new_key_live"`
	ApprovedBy  string     `json:"approved_by"`
	AppRequests int        `json:"app_requests"`
	AppFailed   int        `json:"app_failed"`
	GapSeconds  float64    `json:"gap_seconds"`
	Leaks       int        `json:"leaks"`
	Steps       []demoStep `json:"steps"`

	broken []string // invariants that did not hold, in words
}

type demoStep struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// runDemo plays the story and returns the exit code: done only if the
// rotation finished and everything held.
func runDemo(ctx context.Context, o sandboxOptions, p process) int {
	began := time.Now()
	say := func(format string, args ...any) {
		p.print(p.out, fmt.Sprintf("%6.1fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...)))
	}
	result, err := playDemo(ctx, o, story(o, say), say)
	if err != nil {
		p.print(p.err, "rekey: "+err.Error()+"\n")
	}
	if result == nil {
		return exitFailed
	}
	for _, b := range result.broken {
		say("BROKEN: %s", b)
	}
	say("%s: old key dead %t, new key live %t, %d application requests, %d failed, %d leaks",
		result.Result, result.OldKeyDead, result.NewKeyLive, result.AppRequests, result.AppFailed, result.Leaks)
	if o.json {
		line, err := json.Marshal(result)
		if err != nil {
			p.print(p.err, "rekey: "+err.Error()+"\n")
			return exitFailed
		}
		p.print(p.out, string(line)+"\n")
	}
	if err != nil || !result.good() {
		return exitFailed
	}
	return exitDone
}

func (r *demoResult) good() bool {
	return r.Result == "done" && r.OldKeyDead && r.NewKeyLive && r.AppFailed == 0 && r.Leaks == 0 && len(r.broken) == 0
}

// story is the script of the command line.
func story(o sandboxOptions, say func(string, ...any)) script {
	s := script{secret: strings.ToUpper(o.demo)}
	if plant := plants[o.plant]; plant != nil {
		s.arrange = func(b *box) {
			plant(b, b.ledger(s.secret))
			say("Planted on purpose: %s.", o.plant)
		}
	}
	return s
}

// playDemo runs the sandbox, lets the people act, and judges the world. A
// story that does not come to its end still gives a result, beside the error.
func playDemo(ctx context.Context, o sandboxOptions, s script, say func(string, ...any)) (*demoResult, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(float64(demoTimeout)/min(o.speed, 1)), errors.New("the story took too long"))
	defer cancel()
	say("Starting the world: Slack, Infisical, fal.ai, Anthropic, an application with three instances and steady traffic.")
	o.also = append(o.also, s.secret)
	b, err := openSandbox(ctx, o)
	if err != nil {
		return nil, err
	}
	defer b.close()
	if s.arrange != nil {
		s.arrange(b)
	}
	d := &demo{box: b, say: say, play: s, heard: make(chan string, 1<<10)}
	err = d.run(ctx)
	result, judged := d.judge(context.WithoutCancel(ctx))
	return result, errors.Join(err, judged)
}

// run plays the script to its end.
func (d *demo) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	told := d.narrate(ctx)
	defer func() { d.lastWords(ctx); cancel(); <-told }()
	say, w := d.say, d.box.world
	say("@ann types: /rotate %s", d.play.secret)
	if _, err := w.Slack.SlashCommand(ctx, sandbox.Requester, sandbox.Channel, "/rotate", d.play.secret); err != nil {
		return fmt.Errorf("typing the command: %w", err)
	}
	defer d.atConsole(ctx)()
	card, err := d.waitFor(ctx, sandbox.ApprovalCard)
	if err != nil {
		return err
	}
	atCard := d.play.atCard
	if atCard == nil {
		atCard = approveCard
	}
	if err := atCard(d, card); err != nil {
		return err
	}
	rests := d.play.rests
	if rests == nil {
		rests = reported
	}
	return d.hold(ctx, d.reach(ctx, rests))
}

// reach waits until something holds, or the rotation asks for a person. A watch
// that could not measure, because the machine was busy with something else, gets
// what it asks for: ann types that it shall go on.
func (d *demo) reach(ctx context.Context, holds func(slack.Snapshot) bool) error {
	const retries = 2
	for {
		there, stops := false, 0
		if err := d.box.world.Slack.Wait(ctx, func(now slack.Snapshot) bool {
			there, stops = holds(now), count(now, asksForHelp)
			return there || stops > d.helped
		}); err != nil {
			return err
		}
		switch {
		case there:
			return nil
		case d.helped == retries || count(d.box.world.Slack.Snapshot(), unmeasurable) < stops:
			return errStopped
		}
		d.helped++
		d.say("@ann types: /rotate retry %s", d.play.secret)
		if _, err := d.box.world.Slack.SlashCommand(ctx, sandbox.Requester, sandbox.Channel, "/rotate", "retry "+d.play.secret); err != nil {
			return fmt.Errorf("typing the command: %w", err)
		}
	}
}

// lastWords lets the narrator catch up with what was posted last, for a while.
func (d *demo) lastWords(ctx context.Context) {
	last, _ := d.box.world.Slack.Snapshot().Find(func(slack.Message) bool { return true })
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	for {
		select {
		case ts := <-d.heard:
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

// waitFor waits for the message of an approval card, with both emoji seeded.
func (d *demo) waitFor(ctx context.Context, kind sandbox.Kind) (slack.Message, error) {
	var card slack.Message
	err := d.reach(ctx, func(now slack.Snapshot) bool {
		for _, wrote := range d.box.world.Writes() {
			if wrote.Kind != kind {
				continue
			}
			m, found := now.Find(func(m slack.Message) bool { return m.TS == wrote.What })
			if found && len(m.Reactions) >= 2 {
				card = m
			}
		}
		return card.TS != ""
	})
	if err != nil {
		return card, d.hold(ctx, fmt.Errorf("waiting for the %s: %w", kind, err))
	}
	return card, nil
}

// errStopped is returned when the rotation asks for a person the script does
// not have.
var errStopped = errors.New("the rotation stopped and asks for a person")

func asksForHelp(m slack.Message) bool {
	return m.Thread != "" && strings.Contains(m.Text, "■ *Stopped")
}

// unmeasurable are the messages of watches that saw too little to say anything.
func unmeasurable(m slack.Message) bool {
	return m.Thread != "" && strings.Contains(m.Text, "*Watch: cannot measure.*")
}

func count(now slack.Snapshot, is func(slack.Message) bool) (n int) {
	for _, all := range now.Messages {
		for _, m := range all {
			if is(m) {
				n++
			}
		}
	}
	return n
}

// hold adds what the bot said last to an error.
func (d *demo) hold(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w; the bot said last:\n%s", errors.Join(err, context.Cause(ctx)), d.box.bot.tail())
}

func approveCard(d *demo, card slack.Message) error {
	d.say("@ben clicks ✅ on the card")
	return d.box.world.Slack.React(sandbox.Approver, card.Channel, card.TS, "white_check_mark")
}

// reported holds when the thread has the final report.
func reported(now slack.Snapshot) bool {
	_, done := now.Find(func(m slack.Message) bool {
		return m.Thread != "" && strings.Contains(m.Text, "Failed application requests seen")
	})
	return done
}

// narrate prints what appears in the workspace, as it appears.
func (d *demo) narrate(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	changes := d.box.world.Slack.Subscribe(ctx)
	go func() {
		defer close(done)
		for c := range changes {
			switch c.Kind {
			case slack.Posted:
				where := "channel"
				if c.Message.Thread != "" {
					where = "thread"
				}
				d.say("[%s] %s", where, indented(narrated(c.Message)))
				select {
				case d.heard <- c.Message.TS:
				default:
				}
			case slack.Whispered:
				d.say("[only @%s sees] %s", c.Message.To, indented(c.Message.Text))
			}
		}
	}()
	return done
}

// narrated is what a message says, its pictures in words.
func narrated(m slack.Message) string {
	words := []string{m.Text}
	for _, f := range m.Files {
		words = append(words, "[picture: "+f.AltText+"]")
	}
	return strings.TrimSpace(strings.Join(words, "\n"))
}

func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n         ") }
