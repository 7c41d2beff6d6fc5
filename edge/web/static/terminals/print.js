// The sheet of table codes: the one key that a page cannot do without a script.

const key = document.getElementById("print");
key.hidden = false;
key.addEventListener("click", () => print());
