package column

import "testing"

func TestValidDoesNotAllocate(t *testing.T) {
	record := []byte(`{"event_id":"000001","page":"/p/1","text":"üüü","n":[1,2,3]}`)
	if n := testing.AllocsPerRun(100, func() {
		if Valid(record) != nil {
			t.Fatal("not valid")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
