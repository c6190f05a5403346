package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rekey/bot/config"
	"rekey/bot/signed"
	"rekey/commands"
)

const lineHelp = `
Where Slack cannot be reached, a running replica takes statements signed with SSH (docs/command-line.md):

  rekey status [NAME]                what runs, what waits for people, and on which evidence; all, or tag:X: that emergency's table
  rekey rotate NAME                  as /rotate; so are cancel, retry and rollback
  rekey emergency NAME what happened as /rotate-emergency
  rekey approve NAME                 approve the request that status shows; so for all, or tag:X
  rekey deny NAME [why]              deny it
  rekey vault-closed NAME            a leaking vault is closed, a new key may be made; or vault-not-leak
  rekey override NAME how you know   go on without a proof that cannot be had
      --to unix:/run/rekey/rekey.sock  where the replica listens; or the variable REKEY_TO
      --installation acme              its name;                 or REKEY_INSTALLATION
      --key ~/.ssh/id_ed25519          whom you are;             or REKEY_SSH_KEY
      --yes                            sign without asking

Where Redis is away, too, on the bot's own host, with its configuration and credentials, and no bot running:

  rekey emergency NAME what happened --local-journal FILE --config rekey.yaml --key KEY
  rekey import-journal FILE --config rekey.yaml      later, into Redis

`

// What a statement of the command line lasts, and how long it is waited for an
// answer at most.
const (
	statementLife = 2 * time.Minute
	linePatience  = 5 * time.Minute
)

// lineOptions are what every act takes beside its words.
type lineOptions struct {
	to, installation, key string
	journal, config       string
	yes                   bool
	words                 []string
}

// local reports that the work is to be done here, without Redis.
func (o lineOptions) local() bool { return o.journal != "" }

// parseLine picks the options of the command line out of what was typed. They may
// stand anywhere; all other words are the act's own, those with dashes among
// them.
func parseLine(args []string, p process) (lineOptions, error) {
	var o lineOptions
	named := map[string]*string{"to": &o.to, "installation": &o.installation, "key": &o.key, "local-journal": &o.journal, "config": &o.config}
	for name, variable := range map[string]string{"to": "REKEY_TO", "installation": "REKEY_INSTALLATION", "key": "REKEY_SSH_KEY"} {
		*named[name], _ = p.env(variable)
	}
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		name, value, given := strings.Cut(strings.TrimLeft(word, "-"), "=")
		into, is := named[name]
		switch {
		case word == "--yes":
			o.yes = true
		case !strings.HasPrefix(word, "--") || !is:
			o.words = append(o.words, word)
		case given:
			*into = value
		case len(args) == 0:
			return o, errors.New("an option has no value")
		default:
			*into, args = args[0], args[1:]
		}
	}
	return o, nil
}

// lacks names the options that are missing.
func (o lineOptions) lacks() error {
	needed := map[string]string{"--to": o.to, "--installation": o.installation, "--key": o.key}
	if o.local() {
		needed = map[string]string{"--config": o.config, "--key": o.key}
	}
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		if needed[name] == "" {
			return errors.New(name + " is missing")
		}
	}
	return nil
}

// runLine signs what somebody wants and hands it to a replica.
func runLine(ctx context.Context, act signed.Act, args []string, p process) int {
	o, err := parseLine(args, p)
	if err == nil {
		err = o.lacks()
	}
	switch {
	case err != nil:
		return p.misused(err.Error())
	case commands.KeyShaped(strings.Join(o.words, " ")):
		p.print(p.err, "rekey: that looks like a secret value. It stands in the history of your shell: treat it as leaked and rotate it. Nothing was sent.\n")
		return exitFailed
	case act.Decides() && len(o.words) == 0:
		return p.misused("the name of a secret is missing")
	case act == signed.Override && len(o.words) == 1:
		return p.misused("say after the name how you know that production runs on the new key")
	case o.local() && act != signed.Emergency:
		return p.misused("--local-journal is for emergencies")
	case o.local():
		return p.loaded(o.config, func(c *config.Config) error { return contain(ctx, p, c, o) })
	}
	s := speaker{process: p, options: o, client: signed.Client{
		At: o.to, Installation: o.installation, Life: statementLife, Patience: linePatience, Sign: signed.Keygen(o.key, p.env, p.err),
	}}
	if act.Decides() {
		return s.decide(ctx, act)
	}
	line, about := cried(act, o.words)
	return s.ask(ctx, signed.Statement{Act: act, Line: line}, about)
}

// longer is said where somebody says more than a statement takes: nobody is sent
// back at night for having told the whole story.
const longer = "Of what you say no more is signed than a statement takes; tell the rest in the thread, or to whoever asks."

// cried is what somebody asks for, and what they should know before they sign it.
func cried(act signed.Act, words []string) (line string, about []string) {
	line = strings.Join(words, " ")
	if act != signed.Emergency || len(line) <= signed.MaxField {
		return line, nil
	}
	line, cut := commands.Within(line, signed.MaxField)
	if cut {
		about = []string{longer}
	}
	return line, about
}

// because is the same of the reason for a decision.
func because(words []string) (text string, about []string) {
	text = strings.Join(words, " ")
	if short := commands.Clipped(text, signed.MaxField); short != text {
		return short, []string{longer}
	}
	return text, nil
}

// speaker is somebody at a terminal.
type speaker struct {
	process
	options lineOptions
	client  signed.Client
}

// ask signs one statement and shows the answer.
func (s speaker) ask(ctx context.Context, wanted signed.Statement, about []string) int {
	a, err := s.send(ctx, wanted, about)
	if err != nil {
		return s.ended(err)
	}
	s.show(a)
	if a.Failed {
		return exitFailed
	}
	return exitDone
}

// errUnsigned is returned where somebody did not say yes.
var errUnsigned = errors.New("nothing was signed")

// send shows what is about to be signed, asks, signs, and hands it over. Looking
// is not asked about.
func (s speaker) send(ctx context.Context, wanted signed.Statement, about []string) (signed.Answer, error) {
	full := s.client.Fresh(wanted)
	if _, err := full.Text(); err != nil {
		return signed.Answer{}, err
	}
	if wanted.Act != signed.Status {
		for _, w := range append(full.Words(), about...) {
			s.print(s.out, w+"\n")
		}
		if !s.options.yes && !s.agreed() {
			return signed.Answer{}, errUnsigned
		}
	}
	return s.client.Send(ctx, full)
}

func (s speaker) agreed() bool {
	s.print(s.out, "Type yes to sign this: ")
	return strings.EqualFold(s.said(), "yes")
}

// said is the next line that somebody types, and no more of it than that. What
// ends without a line is no word.
func (p process) said() string {
	var line []byte
	one := make([]byte, 1)
	for len(line) < 1000 {
		n, err := p.in.Read(one)
		if n == 1 && one[0] == '\n' {
			return strings.TrimSpace(string(line))
		}
		if line = append(line, one[:n]...); err != nil {
			return ""
		}
	}
	return ""
}

// decide looks first: what is signed names the very evidence that was shown. Of
// several requests of one name it is the oldest; the others wait for a word of
// their own.
func (s speaker) decide(ctx context.Context, act signed.Act) int {
	name := s.options.words[0]
	look := signed.Statement{Act: signed.Status, Line: name}
	if _, several := commands.Several(name); several {
		look.Line = "" // requests come with how everything stands
	}
	a, err := s.send(ctx, look, nil)
	if err != nil {
		return s.ended(err)
	}
	for _, q := range a.Requests {
		if strings.EqualFold(q.Name(), name) && q.Takes(act) {
			why, about := because(s.options.words[1:])
			return s.ask(ctx, q.Statement(act, why), slices.Concat(about, []string{"", "The request says:"}, q.Words))
		}
	}
	s.show(a)
	s.print(s.err, "rekey: nothing of this name waits for such a word; nothing was signed\n")
	return exitFailed
}

func (s speaker) show(a signed.Answer) {
	s.print(s.out, a.Title+"\n")
	for _, l := range a.Lines {
		s.print(s.out, "  "+l+"\n")
	}
	for _, q := range a.Requests {
		s.request(q)
	}
	if a.Chat != "" {
		s.print(s.out, a.Chat+"\n")
	}
}

// request shows one that waits. What is asked about on a batch's is a line of that.
func (s speaker) request(q signed.Request) {
	what := fmt.Sprintf("request %d of rotation %s", q.Card, q.Rotation)
	switch {
	case q.Within != "":
		return
	case q.Step != "":
		what = fmt.Sprintf("step %s of rotation %s, which stopped", q.Step, q.Rotation)
	case q.Batch != "":
		what = fmt.Sprintf("request %d of batch %s", q.Card, q.Batch)
	}
	s.print(s.out, fmt.Sprintf("\nWaiting for a decision: %s, %s\n", q.Name(), what))
	for _, w := range q.Words {
		s.print(s.out, "  "+w+"\n")
	}
	s.print(s.out, fmt.Sprintf("  Plan     %s\n  Evidence %s\n  To decide: %s\n", q.Plan, q.Evidence, q.Ways()))
}
