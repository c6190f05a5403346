//go:build !release

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	*theatre
	play    script
	coroner coroner
	// helped counts the watches that were asked to go on.
	helped int
	outage outage
}

// script is what the people do, and what is done to the world before.
type script struct {
	secret string
	// emergency says that people cry for help instead of asking.
	emergency bool
	// drill says that nothing has leaked: it is rehearsed.
	drill bool
	// back says that people go back to the old key instead of approving its end.
	back bool
	// first says that the old key ends before there is a new one.
	first bool
	// away says that Slack is down, and people use the command line.
	away bool
	// together says that one command for all begins it.
	together bool
	// arrange prepares the world; nil leaves it as it is.
	arrange func(*box)
	// bring is how a person brings the key that a guide asks for; nil does
	// exactly what it says.
	bring func(*demo, errand) error
	// atCard is what happens when an approval card appears; nil approves.
	atCard func(d *demo, card slack.Message) error
	// rests reports that the story is over; nil waits for the report.
	rests func(slack.Snapshot) bool
}

// runDemo plays what the command line asks for and returns the exit code: done
// only if every rotation finished and everything held.
func runDemo(ctx context.Context, o sandboxOptions, p process) int {
	if o.all() {
		return runAll(ctx, o, p)
	}
	say := sayer(p)
	result, err := playDemo(ctx, o, story(o, say), say)
	if err != nil {
		p.print(p.err, "rekey: "+err.Error()+"\n")
	}
	if result == nil {
		return exitFailed
	}
	result.tell(say)
	if !p.last(o, result) || err != nil || !result.good() {
		return exitFailed
	}
	return exitDone
}

// sayer prints lines with the time since it was made.
func sayer(p process) func(format string, args ...any) {
	began := time.Now()
	return func(format string, args ...any) {
		p.print(p.out, fmt.Sprintf("%6.1fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...)))
	}
}

// last prints the result as the last line, where that was asked for.
func (p process) last(o sandboxOptions, result any) bool {
	if !o.json {
		return true
	}
	line, err := json.Marshal(result)
	if err != nil {
		p.print(p.err, "rekey: "+err.Error()+"\n")
		return false
	}
	p.print(p.out, string(line)+"\n")
	return true
}

// story is the script of the command line.
func story(o sandboxOptions, say func(string, ...any)) script {
	s := script{secret: strings.ToUpper(o.demo), emergency: o.emergency || o.drill, drill: o.drill, back: o.rollback, first: o.revokeFirst, away: o.slackDown}
	if s.emergency && o.rootJobs {
		s.rests = uncontained
	}
	if plant := plants[o.plant]; plant != nil {
		s.arrange = func(b *box) {
			b.world.OnWrite(plant(b, b.ledgerIn(s)))
			say("Planted on purpose: %s.", o.plant)
		}
	}
	return s
}

// playDemo runs the sandbox, lets the people act, and judges the world. A
// story that does not come to its end still gives a result, beside the error.
func playDemo(ctx context.Context, o sandboxOptions, s script, say func(string, ...any)) (*demoResult, error) {
	ctx, cancel := tooLong(ctx, o, demoTimeout)
	defer cancel()
	o.also = append(o.also, s.secret)
	o.line = o.line || s.away
	if err := signable(s); err != nil {
		return nil, err
	}
	if s.drill {
		o.adjust = canary(s.secret, o.adjust)
	}
	th, err := openTheatre(ctx, o, say)
	if err != nil {
		return nil, err
	}
	defer th.box.close()
	if s.arrange != nil {
		s.arrange(th.box)
	}
	if err := th.before(ctx, s); err != nil {
		return nil, err
	}
	d := &demo{theatre: th, play: s}
	err = th.narrated(ctx, d.run)
	err = errors.Join(err, d.keepFiles(o.files))
	v, judged := th.judge(context.WithoutCancel(ctx), d)
	result := v.results[0]
	result.broken = append(result.broken, v.broken...)
	return &demoResult{played: *result, Leaks: v.leaks}, errors.Join(err, judged)
}

// before is what led to an emergency.
func (t *theatre) before(ctx context.Context, stories ...script) error {
	if slices.ContainsFunc(stories, func(s script) bool { return s.emergency && !s.drill }) {
		return t.robbery(ctx)
	}
	return nil
}

// tooLong bounds a story by what it may take at speed 1.
func tooLong(ctx context.Context, o sandboxOptions, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, time.Duration(float64(d)/min(o.speed, 1)), errors.New("the story took too long"))
}

// run plays the script to its end.
func (d *demo) run(ctx context.Context) error {
	defer d.coroner.attend(ctx, d.box.ledgerIn(d.play))()
	if d.play.away {
		return d.hold(d.withoutSlack(ctx))
	}
	if err := d.begin(ctx); err != nil {
		return err
	}
	defer d.atConsole(ctx)()
	atCard, rests := d.play.atCard, d.play.rests
	if atCard == nil {
		atCard = approveCard
	}
	if d.play.back {
		atCard, rests = func(d *demo, _ slack.Message) error { return d.types(ctx, "rollback "+d.play.secret) }, cameBack
	}
	if rests == nil {
		rests = d.ended
	}
	answered := map[string]bool{}
	for {
		card, err := d.next(ctx, rests, answered)
		if err != nil || card.TS == "" {
			return d.hold(errors.Join(err, d.tidyUp(ctx)))
		}
		answered[card.TS] = true
		if err := atCard(d, card); err != nil {
			return err
		}
	}
}

// begin is the command with which the story begins.
func (d *demo) begin(ctx context.Context) error {
	switch {
	case d.play.together:
		return nil
	case d.play.first:
		return d.alarm(ctx, d.play.secret+" --revoke-first "+leaked)
	case d.play.drill:
		return d.alarm(ctx, d.play.secret+" --drill")
	case d.play.emergency:
		return d.alarm(ctx, d.play.secret+" "+leaked)
	}
	return d.types(ctx, d.play.secret)
}

// types is the requester's /rotate.
func (d *demo) types(ctx context.Context, text string) error {
	d.say("@ann types: /rotate %s", text)
	if _, err := d.box.world.Slack.SlashCommand(ctx, sandbox.Requester, sandbox.Channel, "/rotate", text); err != nil {
		return fmt.Errorf("typing the command: %w", err)
	}
	return nil
}

// own is the workspace as far as this rotation is concerned: the threads of the
// secret's rotations.
func (d *demo) own(now slack.Snapshot) slack.Snapshot {
	now.Messages = map[string][]slack.Message{sandbox.Channel: threads(now.Messages[sandbox.Channel], d.play.secret)}
	return now
}

// next waits for a card with both emoji seeded that nobody has answered, and
// returns none when the story is over.
func (d *demo) next(ctx context.Context, rests func(slack.Snapshot) bool, answered map[string]bool) (slack.Message, error) {
	var card slack.Message
	err := d.reach(ctx, func(now slack.Snapshot) bool {
		for _, wrote := range d.box.world.Writes() {
			if wrote.Kind != sandbox.ApprovalCard || answered[wrote.What] {
				continue
			}
			m, found := now.Find(func(m slack.Message) bool { return m.TS == wrote.What })
			if found && len(m.Reactions) >= 2 {
				card = m
				return true
			}
		}
		return len(answered) > 0 && rests(now)
	})
	return card, err
}

// reach waits until something holds, or the rotation asks for a person. A watch
// that could not measure, because the machine was busy with something else, gets
// what it asks for: ann types that it shall go on.
func (d *demo) reach(ctx context.Context, holds func(slack.Snapshot) bool) error {
	const retries = 2
	for {
		there, stops := false, 0
		if err := d.box.world.Slack.Wait(ctx, func(now slack.Snapshot) bool {
			now = d.own(now)
			there, stops = holds(now), count(now, asksForHelp)
			return there || stops > d.helped
		}); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		switch {
		case there:
			return nil
		case d.helped == retries || count(d.own(d.box.world.Slack.Snapshot()), unmeasurable) < stops:
			return errStopped
		}
		d.helped++
		if err := d.types(ctx, "retry "+d.play.secret); err != nil {
			return err
		}
	}
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
func (d *demo) hold(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w; the bot said last:\n%s", d.play.secret, err, d.box.bot.tail())
}

func approveCard(d *demo, card slack.Message) error {
	d.say("@ben clicks ✅ on the card of %s", d.play.secret)
	return d.box.world.Slack.React(sandbox.Approver, card.Channel, card.TS, "white_check_mark")
}

// reported holds when the thread has the final report.
func reported(now slack.Snapshot) bool {
	_, done := now.Find(func(m slack.Message) bool {
		return m.Thread != "" && strings.Contains(m.Text, "Failed application requests seen")
	})
	return done
}
