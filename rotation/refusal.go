package rotation

import "fmt"

// RefusalCode says why a request was not carried out.
type RefusalCode string

// The codes.
const (
	UnknownSecret  RefusalCode = "unknown secret"
	NotBuilt       RefusalCode = "not built"
	AlreadyRunning RefusalCode = "already running"
	SlotTaken      RefusalCode = "another rotation is in the way"
	NoRotation     RefusalCode = "no rotation"
	NotPlannable   RefusalCode = "no plan"
	SurveyStopped  RefusalCode = "survey stopped"
	NotNow         RefusalCode = "not now"  // for example: nothing to retry
	Outdated       RefusalCode = "outdated" // what the person acted on is no longer so
	Busy           RefusalCode = "busy"     // the rotation is in the middle of an act; ask again
)

// Refusal is a request that changed nothing, with a sentence for people.
type Refusal struct {
	Code     RefusalCode
	Sentence string
	Other    *Rotation // the rotation in the way, where there is one
	Err      error     // the cause, for the log
}

func (e *Refusal) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Code, e.Err)
	}
	return string(e.Code) + ": " + e.Sentence
}

// Unwrap returns the cause.
func (e *Refusal) Unwrap() error { return e.Err }
