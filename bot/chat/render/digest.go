package render

import (
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"rekey/commands"
)

// Controls of a digest. Their ids end in the secret's name.
const (
	Rotate = "rotate"
	Snooze = "snooze"
)

// snoozes are for how long a click puts a secret off.
var snoozes = []struct{ span, label string }{{"1d", "for 1 day"}, {"7d", "for 7 days"}, {"30d", "for 30 days"}}

// mostOffers bounds the secrets that have controls of their own: a message
// holds 50 blocks, and who has more to do begins with the most urgent.
const mostOffers = 12

// Digest lays out what is due: what needs people first, then each secret that
// can be rotated or put off with its two controls.
func Digest(b commands.Bulletin) Message {
	blocks := []slack.Block{header(b.Title)}
	left := mostOffers
	for _, p := range b.Parts {
		blocks = append(blocks, section("*"+esc(p.Title)+"*"))
		var plain []string
		for _, l := range p.Lines {
			if !l.Offer || left == 0 {
				plain = append(plain, digestLine(l))
				continue
			}
			left--
			blocks = append(blocks, section(digestLine(l)), offers(l.Secret, b.Digest.At))
		}
		blocks = append(blocks, listing(plain)...)
	}
	if len(b.Parts) == 0 {
		blocks = append(blocks, section(esc(b.Text)))
	}
	if len(b.Quiet) > 0 {
		blocks = append(blocks, context(quiet(b.Quiet)))
	}
	blocks = append(blocks, context(esc(strings.Join(b.Notes, " "))))
	return compose(sentences(esc(b.Title)+".", esc(b.Text)), blocks...)
}

func digestLine(l commands.Line) string {
	text := "*" + esc(l.Label) + "* · " + esc(l.Text)
	switch {
	case l.When.IsZero():
	case l.Exact:
		text += " (" + moment(l.When) + ")"
	default:
		text += " (" + day(l.When) + ")"
	}
	if l.Detail != "" {
		text += "\n" + esc(l.Detail)
	}
	if l.Since == "" {
		return text
	}
	text += "\n*Since then:* " + esc(l.Since)
	if l.Asleep != nil {
		text += " by " + who(l.Asleep.By) + " until " + moment(l.Asleep.Until) + "."
	}
	return text
}

// quiet names what is snoozed: silence must be seen.
func quiet(rows []commands.Row) string {
	parts := make([]string, 0, len(rows))
	for _, r := range rows {
		parts = append(parts, "*"+esc(r.Label)+"* "+esc(r.Text)+" "+who(r.Who)+" until "+moment(r.When))
	}
	return "Snoozed: " + strings.Join(parts, " · ")
}

const rotateNow = "Rekey makes a new key and takes it through staging to production; where making it ends the old one, it asks before. No old key ends without approval in the thread."

// offers are the two controls of a secret. They carry the moment of what the
// message says: what has changed since is not acted on.
func offers(secret string, at time.Time) slack.Block {
	seen := strconv.FormatInt(at.UnixMilli(), 10)
	now := slack.NewButtonBlockElement(ControlID(Rotate+"/"+secret), seen, plainText("Rotate now", buttonLimit))
	now.Confirm = slack.NewConfirmationBlockObject(plainText("Rotate "+secret+" now?", confirmTitleLimit), plainText(rotateNow, confirmTextLimit),
		plainText("Rotate", buttonLimit), plainText("Not now", buttonLimit))
	var options []*slack.OptionBlockObject
	for _, s := range snoozes {
		options = append(options, slack.NewOptionBlockObject(s.span+" "+seen, plainText(s.label, buttonLimit), nil))
	}
	later := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plainText("Snooze …", buttonLimit), ControlID(Snooze+"/"+secret), options...)
	return slack.NewActionBlock("", now, later)
}

// Offered reads what a control of a digest carries: for how long, "" for
// Rotate, and the moment of what was seen.
func Offered(value string) (span string, seen time.Time, ok bool) {
	span, text, both := strings.Cut(value, " ")
	if !both {
		span, text = "", value
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	return span, time.UnixMilli(ms), err == nil && ms > 0
}
