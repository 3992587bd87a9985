// Swagger UI is dark where its page says so, and its own switch is in the bar that is left out here.
const prefersDark = window.matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', prefersDark.matches);
prefersDark.addEventListener('change', follow);
follow();
