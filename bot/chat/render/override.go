package render

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"rekey/rotation"
	"rekey/rotation/event"
)

// Override is the button on a stop at a proof that cannot be had, and the modal
// that it opens.
const Override = "override"

// overridden is the button, where the stop that an event tells of may be taken
// over; nil elsewhere.
func overridden(r *rotation.Rotation, e event.Event) []slack.Block {
	if e.Kind != event.Stopped || !r.Overridable() || r.Problem.Step != e.Step {
		return nil
	}
	b := slack.NewButtonBlockElement(ControlID(Override), StopOf(r), plainText("Go on without this proof …", buttonLimit)).WithStyle(slack.StyleDanger)
	return []slack.Block{slack.NewActionBlock("", b)}
}

// StopOf names a stop, for what comes back from outside.
func StopOf(r *rotation.Rotation) string { return r.Key() + " " + r.Problem.Step }

// Stop is the rotation and the step that such a name stands for.
func Stop(name string) (key, step string, ok bool) {
	key, step, ok = strings.Cut(name, " ")
	return key, step, ok && key != "" && step != ""
}

// OverrideModal asks why somebody goes on without a proof.
func OverrideModal(r *rotation.Rotation) slack.ModalViewRequest {
	who := "An approver may do this"
	if r.Cell.Mode == rotation.Routine {
		who = "An approver other than whoever asked for the rotation may do this"
	}
	what := fmt.Sprintf("%s\n\n%s; your name and your reason stand on every later request and in the journal. *May break:* what needs %s, if it does not run on the new key after all. Rekey tries once more first, and goes by what it finds.",
		esc(r.Problem.What), who, esc(r.Secret))
	field := slack.NewPlainTextInputBlockElement(plainText("How do you know that it runs on the new key?", buttonLimit), "text").
		WithMultiline(true).WithMaxLength(ReasonLimit)
	input := slack.NewInputBlock(ReasonBlock, plainText("Why?", buttonLimit),
		plainText("Everybody in the channel reads this, and the journal keeps it. Never paste a key.", fieldLimit), field)
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ControlID(Override), PrivateMetadata: StopOf(r),
		Title: plainText("Go on without proof", titleLimit), Submit: plainText("Go on", titleLimit), Close: plainText("Cancel", titleLimit),
		Blocks: slack.Blocks{BlockSet: []slack.Block{section(what), input}},
	}
}
