// The theme lets tables and code that scroll sideways be reached by keyboard; this does the same for formulas.
{
  const reachable = new ResizeObserver((entries) => {
    for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  });
  for (const formula of document.querySelectorAll("div.math")) reachable.observe(formula);
}
