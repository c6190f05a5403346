package render

import (
	"github.com/slack-go/slack"

	"rekey/rotation"
)

// Other is the button that has the environment rotated, too, which an emergency
// leaves alone. It carries the rotation that it stands beside.
const Other = "other"

// otherButton offers the environment that an emergency leaves alone; nil where there
// is none. A drill offers nothing: nothing has leaked.
func otherButton(r *rotation.Rotation) *slack.ButtonBlockElement {
	env := r.Other()
	if env == "" || r.Drill {
		return nil
	}
	b := slack.NewButtonBlockElement(ControlID(Other), r.Key(), plainText("Rotate "+env+" too", buttonLimit))
	return b.WithConfirm(slack.NewConfirmationBlockObject(
		plainText("Did "+env+"'s key leak, too?", confirmTitleLimit),
		plainText("An emergency of "+r.Secret+" in "+env+" begins as soon as this one is over, for the same reason. No old key ends without an approval.", confirmTextLimit),
		plainText("Rotate "+env, buttonLimit), plainText("Not now", buttonLimit)))
}

// otherOffer is the same as a block of its own.
func otherOffer(r *rotation.Rotation) []slack.Block {
	b := otherButton(r)
	if b == nil {
		return nil
	}
	return []slack.Block{slack.NewActionBlock("", b)}
}
