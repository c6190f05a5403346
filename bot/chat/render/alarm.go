package render

import (
	"strings"

	"github.com/slack-go/slack"

	"rekey/rotation"
)

// urgently marks the title of an emergency's request.
func urgently(r *rotation.Rotation, title string) string {
	if r.Cell.Mode != rotation.Emergency {
		return title
	}
	if r.Drill {
		return "DRILL. Emergency" + r.Alone() + ". " + title
	}
	return "Emergency" + r.Alone() + ". " + title
}

// drilled marks what is posted in a rehearsal, so that nobody takes it for more.
func drilled(r *rotation.Rotation, m Message) Message {
	if !r.Drill {
		return m
	}
	return compose("DRILL. "+m.Text, append([]slack.Block{context("*DRILL.* Nothing has leaked.")}, m.Blocks...)...)
}

// leak is what happened, in the words of whoever cried.
func leak(r *rotation.Rotation) string {
	if r.Cell.Mode != rotation.Emergency || r.Reason == "" {
		return ""
	}
	return "What happened: " + strings.TrimRight(r.Reason, ".") + "."
}

func noDeadline(r *rotation.Rotation) string {
	if r.Cell.Mode == rotation.Emergency {
		return "This request does not expire: people are called again until somebody decides."
	}
	return "There is no deadline."
}

// harm is what else the end takes, and from whom.
func harm(r *rotation.Rotation) string {
	if r.Card == nil {
		return ""
	}
	return r.Card.Harm
}

// atRisk says, in an emergency, what the thief can do until somebody approves,
// and what may break when somebody does.
func atRisk(r *rotation.Rotation) []slack.Block {
	if r.Cell.Mode != rotation.Emergency {
		return nil
	}
	text := "*Still at risk:* whoever has the old key can use it until it is dead. *Why:* " + esc(r.Reason)
	if r.Cell.Lingers {
		text += "\n*After the ✅:* " + esc(r.Lingering())
	}
	if inherited := r.Inherited(); inherited != "" {
		text += "\n*Not ended by this:* " + esc(inherited)
	}
	if r.Cell.SignsOut() {
		text += "\n*Signed out:* everybody whose token the old key signed, at once. Nobody waits for tokens to run out."
	}
	if taken := harm(r); taken != "" {
		text += "\n*Breaks with it:* " + esc(taken)
	}
	if len(r.Also) > 0 {
		text += "\n*May break:* the old value also stands in " + esc(strings.Join(r.Also, ", ")) + "."
	}
	switch {
	case r.Cell.StagingAfter():
		text += "\n*Breaks for a moment:* staging runs on the old key until it is deployed again, which Rekey does as soon as the old key is dead. Production does not notice."
	case r.Other() != "":
		text += "\n*Not touched:* " + r.Other() + " has a key of its own. If that leaked, too: the button below, or " + code(offered(r)) + "; it begins when this is over."
	}
	return []slack.Block{section(text)}
}

// offered is the command for the environment that an emergency leaves alone.
func offered(r *rotation.Rotation) string {
	return "/rotate-emergency " + r.Secret + " --env " + r.Other() + " what happened"
}
